# SPDX-License-Identifier: Apache-2.0
"""VSLNet and VSLBase in PyTorch, with the official parameter names: what Millrace's trainer is compared with.

Written from the description of EGO4D/episodic-memory (NLQ/VSLNet/model/VSLNet.py, layers.py), for two uses: figures side
by side (ops/bench/training), and weights that go from one to the other (ops/weights). It is called in no build.

    python3 ops/bench/vslnet_torch.py Tests/MomentLocalizationTests/Golden     checks it against the official numbers
"""

import json
import math
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional as F

MASKED = -1e30


def masked(scores, mask):
    """Adds -1e30 where the mask, which broadcasts, is 0."""
    return scores + (1 - mask) * MASKED


class Conv1D(nn.Module):
    """A convolution over (batch, length, channels)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1d = nn.Conv1d(inputs, outputs, 1)

    def forward(self, x):
        return self.conv1d(x.transpose(1, 2)).transpose(1, 2)


class VisualProjection(nn.Module):
    def __init__(self, inputs, width, rate):
        super().__init__()
        self.drop = nn.Dropout(rate)
        self.linear = Conv1D(inputs, width)

    def forward(self, x):
        return self.linear(self.drop(x))


class PositionEmbedding(nn.Module):
    def __init__(self, positions, width):
        super().__init__()
        self.position_embeddings = nn.Embedding(positions, width)

    def forward(self, x):
        return self.position_embeddings(torch.arange(x.shape[1], device=x.device))[None]


class ConvBlock(nn.Module):
    def __init__(self, width, rate, layers=4, kernel=7):
        super().__init__()
        self.depthwise_separable_conv = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(width, width, kernel, groups=width, padding=kernel // 2, bias=False),
                nn.Conv1d(width, width, 1),
                nn.ReLU(),
            )
            for _ in range(layers)
        )
        self.layer_norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in range(layers))
        self.dropout = nn.Dropout(rate)

    def forward(self, x):
        for convolution, norm in zip(self.depthwise_separable_conv, self.layer_norms):
            x = x + self.dropout(convolution(norm(x).transpose(1, 2))).transpose(1, 2)
        return x


class AttentionBlock(nn.Module):
    def __init__(self, width, heads, rate):
        super().__init__()
        self.heads, self.head = heads, width // heads
        self.dropout = nn.Dropout(rate)
        self.query, self.key, self.value = (Conv1D(width, width) for _ in range(3))
        self.layer_norm1 = nn.LayerNorm(width, eps=1e-6)
        self.layer_norm2 = nn.LayerNorm(width, eps=1e-6)
        self.out_layer = Conv1D(width, width)

    def split(self, x):
        return x.view(x.shape[0], x.shape[1], self.heads, self.head).transpose(1, 2)

    def forward(self, x, mask):
        u = self.dropout(self.layer_norm1(x))
        q, k, v = self.split(self.query(u)), self.split(self.key(u)), self.split(self.value(u))
        scores = q @ k.transpose(-1, -2) / math.sqrt(self.head)
        probabilities = self.dropout(masked(scores, mask[:, None, None, :]).softmax(-1))
        attended = (probabilities @ v).transpose(1, 2).reshape(x.shape)
        r = self.dropout(attended) + x
        return self.dropout(self.out_layer(self.dropout(self.layer_norm2(r)))) + r


class FeatureEncoder(nn.Module):
    def __init__(self, width, heads, positions, rate):
        super().__init__()
        self.pos_embedding = PositionEmbedding(positions, width)
        self.conv_block = ConvBlock(width, rate)
        self.attention_block = AttentionBlock(width, heads, rate)

    def forward(self, x, mask):
        return self.attention_block(self.conv_block(x + self.pos_embedding(x)), mask)


class CQAttention(nn.Module):
    def __init__(self, width, rate):
        super().__init__()
        self.w4C = nn.Parameter(torch.empty(width, 1))
        self.w4Q = nn.Parameter(torch.empty(width, 1))
        self.w4mlu = nn.Parameter(torch.empty(1, 1, width))
        for weight in (self.w4C, self.w4Q, self.w4mlu):
            nn.init.xavier_uniform_(weight)
        self.dropout = nn.Dropout(rate)
        self.cqa_linear = Conv1D(4 * width, width)

    def forward(self, video, query, video_mask, query_mask):
        v, q = self.dropout(video), self.dropout(query)
        scores = v @ self.w4C + (q @ self.w4Q).transpose(1, 2) + (v * self.w4mlu) @ q.transpose(1, 2)
        over_query = masked(scores, query_mask[:, None, :]).softmax(2)
        over_video = masked(scores, video_mask[:, :, None]).softmax(1)
        a = over_query @ query
        b = over_query @ over_video.transpose(1, 2) @ video
        return self.cqa_linear(torch.cat([video, a, video * a, video * b], 2))


class WeightedPool(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, 1))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x, mask):
        weights = masked(x @ self.weight, mask[:, :, None]).softmax(1)
        return (x * weights).sum(1)


class CQConcatenate(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weighted_pool = WeightedPool(width)
        self.conv1d = Conv1D(2 * width, width)

    def forward(self, video, query, query_mask):
        pooled = self.weighted_pool(query, query_mask)[:, None].expand(-1, video.shape[1], -1)
        return self.conv1d(torch.cat([video, pooled], 2))


class HighLightLayer(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1d = Conv1D(width, 1)

    def forward(self, x, mask):
        return torch.sigmoid(masked(self.conv1d(x).squeeze(2), mask))


class DynamicRNN(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.lstm = nn.LSTM(width, width, batch_first=True)

    def forward(self, x, mask):
        return self.lstm(x)[0] * mask[:, :, None]


class ConditionedPredictor(nn.Module):
    def __init__(self, width, heads, positions, rate, recurrent):
        super().__init__()
        self.recurrent = recurrent
        if recurrent:
            self.start_encoder, self.end_encoder = DynamicRNN(width), DynamicRNN(width)
        else:
            self.encoder = FeatureEncoder(width, heads, positions, rate)
            self.start_layer_norm = nn.LayerNorm(width, eps=1e-6)
            self.end_layer_norm = nn.LayerNorm(width, eps=1e-6)
        self.start_block, self.end_block = (
            nn.Sequential(Conv1D(2 * width, width), nn.ReLU(), Conv1D(width, 1)) for _ in range(2)
        )

    def forward(self, x, mask):
        if self.recurrent:
            start = self.start_encoder(x, mask)
            end = self.end_encoder(start, mask)
        else:
            start = self.encoder(x, mask)
            end = self.end_layer_norm(self.encoder(start, mask))
            start = self.start_layer_norm(start)
        start = self.start_block(torch.cat([start, x], 2)).squeeze(2)
        end = self.end_block(torch.cat([end, x], 2)).squeeze(2)
        return masked(start, mask), masked(end, mask)


class WordEmbedding(nn.Module):
    def __init__(self, words, width, rate):
        super().__init__()
        self.pad_vec = nn.Parameter(torch.zeros(1, width), requires_grad=False)
        self.unk_vec = nn.Parameter(torch.empty(1, width))
        nn.init.xavier_uniform_(self.unk_vec)
        self.glove_vec = nn.Parameter(torch.zeros(words, width), requires_grad=False)
        self.dropout = nn.Dropout(rate)

    def forward(self, ids):
        table = torch.cat([self.pad_vec, self.unk_vec, self.glove_vec])
        return self.dropout(F.embedding(ids, table, padding_idx=0))


class CharacterEmbedding(nn.Module):
    def __init__(self, characters, width, rate):
        super().__init__()
        self.char_emb = nn.Embedding(characters, width, padding_idx=0)
        self.char_convs = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, channels, (1, kernel)), nn.ReLU())
            for kernel, channels in ((1, 10), (2, 20), (3, 30), (4, 40))
        )
        self.dropout = nn.Dropout(rate)

    def forward(self, ids):
        x = self.dropout(self.char_emb(ids)).permute(0, 3, 1, 2)
        return torch.cat([convolution(x).amax(3) for convolution in self.char_convs], 1).permute(0, 2, 1)


class Embedding(nn.Module):
    def __init__(self, words, word_width, characters, character_width, width, rate):
        super().__init__()
        self.word_emb = WordEmbedding(words, word_width, rate)
        self.char_emb = CharacterEmbedding(characters, character_width, rate)
        self.linear = Conv1D(word_width + 100, width)

    def forward(self, words, characters):
        return self.linear(torch.cat([self.word_emb(words), self.char_emb(characters)], 2))


class VSLNet(nn.Module):
    """`text` is the width of encoded text, or (words, word width, characters, character width)."""

    def __init__(self, features, text=768, width=128, heads=8, positions=128, rate=0.2, recurrent=False, base=False):
        super().__init__()
        self.video_affine = VisualProjection(features, width, rate)
        if isinstance(text, int):
            self.query_affine = nn.Linear(text, width)
        else:
            self.embedding_net = Embedding(*text, width, rate)
        self.feature_encoder = FeatureEncoder(width, heads, positions, rate)
        self.cq_attention = CQAttention(width, rate)
        self.cq_concat = CQConcatenate(width)
        if not base:
            self.highlight_layer = HighLightLayer(width)
        self.predictor = ConditionedPredictor(width, heads, positions, rate, recurrent)
        for module in self.modules():
            if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, video, video_mask, query_mask, rows=None, words=None, characters=None):
        """Highlight scores (None for VSLBase), start logits, end logits."""
        video = self.video_affine(video)
        query = self.query_affine(rows) if rows is not None else self.embedding_net(words, characters)
        query = self.feature_encoder(query, query_mask)
        video = self.feature_encoder(video, video_mask)
        x = self.cq_concat(self.cq_attention(video, query, video_mask, query_mask), query, query_mask)
        scores = None
        if hasattr(self, "highlight_layer"):
            scores = self.highlight_layer(x, video_mask)
            x = x * scores[:, :, None]
        return (scores, *self.predictor(x, video_mask))


def losses(outputs, start, end, highlight, video_mask, highlight_weight=5.0):
    """Location, highlight and total loss."""
    scores, starts, ends = outputs
    location = F.cross_entropy(starts, start) + F.cross_entropy(ends, end)
    highlighting = torch.zeros(())
    if scores is not None:
        weights = torch.where(highlight == 0, 1.0, 2.0 * highlight)
        each = F.binary_cross_entropy(scores, highlight, reduction="none") * weights
        highlighting = (each * video_mask).sum() / (video_mask.sum() + 1e-12)
    return location, highlighting, location + highlight_weight * highlighting


def optimizer(model, rate):
    """AdamW that spares biases and layer norms."""
    groups = ([], [])
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[any(part in name for part in ("bias", "layer_norm", "LayerNorm"))].append(parameter)
    return torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": 0.01}, {"params": groups[1], "weight_decay": 0.0}], lr=rate, eps=1e-8
    )


def for_weights(weights, features=None, heads=8, rate=0.0):
    """A model into which a dictionary of weights by official name loads strictly; sizes are read off the shapes."""
    text = None
    if "query_affine.weight" in weights:
        text = weights["query_affine.weight"].shape[1]
    else:
        words = weights["embedding_net.word_emb.glove_vec"].shape
        characters = weights["embedding_net.char_emb.char_emb.weight"].shape
        text = (*words, *characters)
    projection = weights["video_affine.linear.conv1d.weight"]
    model = VSLNet(
        features or projection.shape[1],
        text,
        width=projection.shape[0],
        heads=heads,
        positions=weights["feature_encoder.pos_embedding.position_embeddings.weight"].shape[0],
        rate=rate,
        recurrent="predictor.start_encoder.lstm.weight_ih_l0" in weights,
        base="highlight_layer.conv1d.conv1d.weight" not in weights,
    )
    model.load_state_dict(weights, strict=True)
    return model


class GivenDropout(nn.Module):
    """Dropout whose masks are given, one a call."""

    def __init__(self, masks, prefix, rate):
        super().__init__()
        self.masks, self.prefix, self.rate, self.step, self.call = masks, prefix, rate, 0, 0

    def forward(self, x):
        if not self.training:
            return x
        mask = self.masks[f"mask.{self.step}.{self.prefix}.{self.call}"].to(x.dtype)
        self.call += 1
        return x * mask / (1 - self.rate)


def check(path):
    """Compares one golden case; returns the largest relative differences."""
    from safetensors.torch import load_file

    tensors, facts = load_file(path), json.loads(path.with_suffix(".json").read_text())
    config = facts["config"]
    weights = {name[8:]: value for name, value in tensors.items() if name.startswith("weights.")}
    model = for_weights(weights, heads=config["num_heads"], rate=config["drop_rate"])
    drops = []
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Dropout):
            parent, _, leaf = name.rpartition(".")
            drops.append(GivenDropout(tensors, name, config["drop_rate"]))
            if config["drop_rate"] > 0:
                setattr(model.get_submodule(parent), leaf, drops[-1])
    inputs = {"video": tensors["input.video_features"], "video_mask": tensors["input.video_mask"]}
    inputs["query_mask"] = tensors["input.query_mask"]
    if "input.query_features" in tensors:
        inputs["rows"] = tensors["input.query_features"]
    else:
        inputs["words"], inputs["characters"] = tensors["input.word_ids"].long(), tensors["input.char_ids"].long()
    valid = tensors["input.video_mask"] == 1

    def difference(ours, theirs):
        return float((ours - theirs).abs().max() / theirs.abs().max())

    with torch.no_grad():
        scores, start, end = model.eval()(**inputs)
    worst = max(
        difference(start[valid], tensors["eval.start_logits"][valid]),
        difference(end[valid], tensors["eval.end_logits"][valid]),
    )
    if scores is not None:
        worst = max(worst, difference(scores[valid], tensors["eval.highlight"][valid]))
    model.train()
    adam = optimizer(model, config["init_lr"])
    worst_loss = worst_gradient = 0.0
    for step in range(facts["steps"]):
        for drop in drops:
            drop.step, drop.call = step, 0
        parts = losses(
            model(**inputs),
            tensors["input.start"].long(),
            tensors["input.end"].long(),
            tensors["input.highlight"],
            tensors["input.video_mask"],
            facts["highlight_lambda"],
        )
        for ours, theirs in zip(parts, facts["losses"][step]):
            worst_loss = max(worst_loss, abs(float(ours.detach()) - theirs) / abs(theirs) if theirs else 0)
        adam.zero_grad()
        parts[2].backward()
        if step == 0:
            for name, parameter in model.named_parameters():
                if parameter.requires_grad and not name.endswith(
                    ("attention_block.key.conv1d.bias", "_block.2.conv1d.bias")
                ):
                    worst_gradient = max(worst_gradient, difference(parameter.grad, tensors[f"grad.{name}"]))
        nn.utils.clip_grad_norm_(model.parameters(), facts["optimizer"]["clip_norm"])
        for group in adam.param_groups:
            group["lr"] = facts["learning_rates"][step]
        adam.step()
    return worst, worst_gradient, worst_loss


def main():
    paths = sorted(pathlib.Path(sys.argv[1]).glob("*.safetensors"))
    failed = not paths
    for path in paths:
        output, gradient, loss = check(path)
        good = output <= 1e-4 and gradient <= 1e-4 and loss <= 2e-3
        failed |= not good
        print(
            f"{path.stem}: outputs {output:.1e}, gradients {gradient:.1e}, losses {loss:.1e}"
            f" {'as the official ones' if good else 'DIFFERENT'}"
        )
    sys.exit(failed)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main()
