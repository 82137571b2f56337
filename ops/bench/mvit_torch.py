#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""MViT, with the memory of MeMViT, in PyTorch: the other side of ops/bench/encoders.

    ops/bench/mvit_torch.py FOLDER       hold it against the official values mvit_* and memvit_* in a folder

Written from the description of the layers (sections 4 and 5 of the reference) with PyTorch's own modules; it shares no
code with the official implementations. Names of parameters are theirs.
"""

import json
import pathlib
import sys

import torch
from torch import nn
from torch.nn import functional as F


def triple(values):
    return tuple(values[-3:])


class Pool(nn.Module):
    """Depthwise convolution over the patches of each head, then a layer norm over the head's columns."""

    @staticmethod
    def run(x, conv, norm, thw, heads, causal):
        b, n, c = x.shape
        cls, x = x[:, :1], x[:, 1:]
        width = c // heads
        x = x.reshape(b, *thw, heads, width).permute(0, 4, 5, 1, 2, 3).reshape(b * heads, width, *thw)
        x = conv(x)
        if causal:
            x = x[:, :, : thw[0]]
        thw = tuple(x.shape[2:])
        x = x.reshape(b, heads, width, -1).transpose(2, 3)
        cls = cls.reshape(b, 1, heads, width).transpose(1, 2)
        return norm(torch.cat([cls, x], 2)), thw


def depthwise(width, kernel, stride, causal=False):
    padding = [k // 2 for k in kernel]
    if causal:
        padding[0] = kernel[0] - 1
    return nn.Conv3d(width, width, kernel, stride, padding, groups=width, bias=False)


def places(q, k):
    i, j = torch.arange(q)[:, None], torch.arange(k)[None]
    return (i * max(k / q, 1) - j * max(q / k, 1) + (k - 1) * max(q / k, 1)).long()


class Attention(nn.Module):
    def __init__(self, c, dim, out, heads, thw, q_stride, kv_stride, remembers):
        super().__init__()
        self.c, self.heads, self.out, self.thw, self.remembers = c, heads, out, thw, remembers
        self.first, self.causal = c.get("MVIT.POOL_FIRST", False), c.get("MVIT.CAUSAL", False)
        if self.first:
            self.q, self.k, self.v = (nn.Linear(dim, out) for _ in range(3))
        else:
            self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(out, out)
        kernel, width = c["MVIT.POOL_KVQ_KERNEL"], (dim if self.first else out) // heads
        eps = 1e-6 if self.first else 1e-5
        shape = lambda stride: tuple((n + 2 * (k // 2) - k) // s + 1 for n, k, s in zip(thw, kernel, stride))
        self.q_thw, self.kv_thw = shape(q_stride) if q_stride else thw, shape(kv_stride) if kv_stride else thw
        for letter, stride in (("q", q_stride), ("k", kv_stride), ("v", kv_stride)):
            if stride:
                setattr(self, f"pool_{letter}", depthwise(width, kernel, stride, self.causal))
                setattr(self, f"norm_{letter}", nn.LayerNorm(width, eps=eps))
        self.relative, width = c.get("MVIT.REL_POS_SPATIAL", False), out // heads
        if self.relative:
            for index, letter in enumerate("thw"):
                rows = 2 * max(self.q_thw[index], self.kv_thw[index]) - 1
                setattr(self, f"rel_pos_{letter}", nn.Parameter(torch.randn(rows, width) * 0.02))
                self.register_buffer(
                    f"place_{letter}", places(self.q_thw[index], self.kv_thw[index]), persistent=False)
        self.memory = c.get("MEMVIT.ENABLE", False)
        self.cache = []
        if self.memory:
            kernel, stride = c["MEMVIT.COMPRESS.POOL_KERNEL"], c["MEMVIT.COMPRESS.POOL_STRIDE"]
            self.compress_k, self.compress_v = (depthwise(dim, kernel, stride) for _ in range(2))
            self.norm_compress_k, self.norm_compress_v = (nn.LayerNorm(dim, eps=1e-6) for _ in range(2))
            self.m_thw = tuple(
                (n + 2 * (k // 2) - k) // s + 1 for n, k, s in zip(self.kv_thw, kernel, stride))
            self.length, self.step = c["MEMVIT.ATTN_MAX_LEN"], stride[0]
            for letter, q, m in zip("hw", self.q_thw[1:], self.m_thw[1:]):
                setattr(self, f"rel_pos_mem_{letter}", nn.Parameter(torch.randn(2 * max(q, m) - 1, width) * 0.02))
            self.rel_pos_mem_t = nn.Parameter(torch.randn(self.length * self.q_thw[0] - 1, width) * 0.02)

    def pool(self, x, letter):
        """x (b, tokens, heads * width) to (b, heads, tokens, width)."""
        if not hasattr(self, f"pool_{letter}"):
            return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)
        conv, norm = getattr(self, f"pool_{letter}"), getattr(self, f"norm_{letter}")
        return Pool.run(x, conv, norm, self.thw, self.heads, self.causal)[0]

    def compress(self, x, letter):
        conv, norm = getattr(self, f"compress_{letter}"), getattr(self, f"norm_compress_{letter}")
        return Pool.run(x, conv, norm, self.kv_thw, 1, False)[0][:, 0]

    def by_head(self, x):
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)

    def scores(self, q, thw, tables, index, into, first):
        """Adds scores by distance for the keys from column `first` on."""
        q_t, q_h, q_w = self.q_thw
        grid = q[:, :, 1:].reshape(*q.shape[:2], q_t, q_h, q_w, -1)
        t = torch.einsum("bythwc,tkc->bythwk", grid, tables[0][index[0]])
        h = torch.einsum("bythwc,hkc->bythwk", grid, tables[1][index[1]])
        w = torch.einsum("bythwc,wkc->bythwk", grid, tables[2][index[2]])
        total = t[..., :, None, None] + h[..., None, :, None] + w[..., None, None, :]
        count = thw[0] * thw[1] * thw[2]
        into[:, :, 1:, first:first + count] += total.reshape(*q.shape[:2], -1, count)

    def forward(self, x, selection):
        entries = 0
        if self.first:
            q, k, v = (self.pool(x, letter).transpose(1, 2).flatten(2) for letter in "qkv")
            if self.memory:
                k, v, entries = self.recollect(k, v, selection)
            q, k, v = self.by_head(self.q(q)), self.by_head(self.k(k)), self.by_head(self.v(v))
        else:
            q, k, v = (self.pool(part, letter) for part, letter in zip(self.qkv(x).chunk(3, -1), "qkv"))
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        rows = 1
        if self.memory:
            rows += self.m_thw[0] * self.m_thw[1] * self.m_thw[2]
        if self.relative:
            scores = scores.clone()
            self.scores(q, self.kv_thw, (self.rel_pos_t, self.rel_pos_h, self.rel_pos_w),
                        (self.place_t, self.place_h, self.place_w), scores, entries * rows + 1)
            for number in range(entries):
                age, m_t = entries - 1 - number, self.m_thw[0]
                offset = (age * m_t + m_t - 1 - torch.arange(m_t)) * self.step
                index = (torch.arange(self.q_thw[0])[:, None] + offset[None],
                         places(self.q_thw[1], self.m_thw[1]), places(self.q_thw[2], self.m_thw[2]))
                self.scores(q, self.m_thw, (self.rel_pos_mem_t, self.rel_pos_mem_h, self.rel_pos_mem_w),
                            index, scores, number * rows + 1)
        if self.causal:
            first, frame = entries * rows, self.kv_thw[1] * self.kv_thw[2]
            mask = torch.zeros(scores.shape[-2:])
            mask[:, first] = -torch.inf
            frames = self.q_thw[1] * self.q_thw[2]
            for t in range(self.q_thw[0]):
                mask[1 + t * frames:1 + (t + 1) * frames, first + 1 + (t + 1) * frame:] = -torch.inf
            scores = scores + mask
        out = scores.softmax(-1) @ v
        if self.c.get("MVIT.CONV_Q", 0):
            out = torch.cat([out[:, :, :1], out[:, :, 1:] + q[:, :, 1:]], 2)
        return self.proj(out.transpose(1, 2).flatten(2))

    def recollect(self, k, v, selection):
        if not self.remembers:
            return k, v, 0
        self.cache.append((k.detach(), v.detach()))
        if len(self.cache) > 1:
            before = self.cache[-2]
            self.cache[-2] = (self.compress(before[0], "k"), self.compress(before[1], "v"))
        chosen = [self.cache[index] for index in selection]
        k = torch.cat([entry[0] for entry in chosen] + [k], 1)
        v = torch.cat([entry[1] for entry in chosen] + [v], 1)
        if len(self.cache) > 1:
            self.cache[-2] = tuple(part.detach() for part in self.cache[-2])
        gap = self.c["MEMVIT.SAMPLER"]
        kept = self.length if gap == "all" else (self.length - 1) * int(gap[3:]) + 1
        if len(self.cache) == kept:
            self.cache.pop(0)
        return k, v, len(chosen)


class MLP(nn.Module):
    def __init__(self, dim, out, ratio):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(dim, int(dim * ratio)), nn.Linear(int(dim * ratio), out)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, c, dim, width, out, heads, thw, q_stride, kv_stride, remembers):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(c, dim, width, heads, thw, q_stride, kv_stride, remembers)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = MLP(width, out, c["MVIT.MLP_RATIO"])
        self.grows_before, self.grows_behind = dim != width, width != out
        if self.grows_before or self.grows_behind:
            self.proj = nn.Linear(dim if self.grows_before else width, out)
        self.thw, self.stride = thw, q_stride

    def forward(self, x, selection):
        y = self.norm1(x)
        attended = self.attn(y, selection)
        if self.grows_before:
            x = self.proj(y)
        if self.stride and max(self.stride) > 1:
            kernel = [s + 1 if s > 1 else 1 for s in self.stride]
            cells = x[:, 1:].transpose(1, 2).reshape(x.shape[0], x.shape[2], *self.thw)
            cells = F.max_pool3d(cells, kernel, self.stride, [k // 2 for k in kernel])
            x = torch.cat([x[:, :1], cells.flatten(2).transpose(1, 2)], 1)
        x = x + attended
        z = self.norm2(x)
        return (self.proj(z) if self.grows_behind else x) + self.mlp(z)


class Patches(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.proj = nn.Conv3d(
            3, c["MVIT.EMBED_DIM"], c["MVIT.PATCH_KERNEL"], c["MVIT.PATCH_STRIDE"], c["MVIT.PATCH_PADDING"])


class Head(nn.Module):
    def __init__(self, width, features):
        super().__init__()
        self.projection = nn.Linear(width, features)


class MViT(nn.Module):
    """An encoder of a configuration with the official names; `c["features"]` is its number of outputs."""

    def __init__(self, c):
        super().__init__()
        self.c = c
        self.patch_embed = Patches(c)
        width, side = c["MVIT.EMBED_DIM"], c["DATA.TRAIN_CROP_SIZE"]
        thw = tuple((n + 2 * p - k) // s + 1 for n, k, s, p in zip(
            (16, side, side), c["MVIT.PATCH_KERNEL"], c["MVIT.PATCH_STRIDE"], c["MVIT.PATCH_PADDING"]))
        self.cls_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.absolute = c.get("MVIT.USE_ABS_POS", True)
        if self.absolute:
            self.pos_embed_class = nn.Parameter(torch.randn(1, 1, width) * 0.02)
            self.pos_embed_spatial = nn.Parameter(torch.randn(1, thw[1] * thw[2], width) * 0.02)
            self.pos_embed_temporal = nn.Parameter(torch.randn(1, thw[0], width) * 0.02)
        growth = [row[0] for row in c.get("MVIT.DIM_MUL", [])]
        queries = {row[0]: triple(row) for row in c.get("MVIT.POOL_Q_STRIDE", [])}
        keys = {row[0]: triple(row) for row in c.get("MVIT.POOL_KV_STRIDE", [])}
        adaptive = c.get("MVIT.POOL_KV_STRIDE_ADAPTIVE")
        excluded, self.blocks = c.get("MEMVIT.EXCLUDE_LAYERS", []), nn.ModuleList()
        for index in range(c["MVIT.DEPTH"]):
            if adaptive:
                adaptive = [max(a // q, 1) for a, q in zip(adaptive, queries.get(index, (1, 1, 1)))]
                keys[index] = tuple(adaptive)
            now = width << sum(place <= index for place in growth)
            if c.get("MVIT.DIM_MUL_IN_ATT", False):
                dim, out = now // 2 if index in growth else now, now
            else:
                dim, out = now, 2 * now if index + 1 in growth else now
            heads = c["MVIT.NUM_HEADS"] << sum(place <= index for place in growth)
            block = Block(c, dim, now, out, heads, thw, queries.get(index), keys.get(index), index not in excluded)
            self.blocks.append(block)
            thw = block.attn.q_thw
        self.norm = nn.LayerNorm(out, eps=1e-6)
        self.head = Head(out, c["features"])

    def forget(self):
        for block in self.blocks:
            block.attn.cache = []

    def selection(self):
        count, sampler = len(self.blocks[0].attn.cache), self.c.get("MEMVIT.SAMPLER", "all")
        if sampler == "all":
            return list(range(count))
        gap = int(sampler[3:])
        return list(range(count - count // gap * gap, count, gap))

    def forward(self, video):
        x = self.patch_embed.proj(video).flatten(2).transpose(1, 2)
        cls = self.cls_token.expand(x.shape[0], -1, -1)
        if self.absolute:
            frames, cells = self.pos_embed_temporal.shape[1], self.pos_embed_spatial.shape[1]
            x = x + self.pos_embed_spatial.repeat(1, frames, 1) + self.pos_embed_temporal.repeat_interleave(cells, 1)
            cls = cls + self.pos_embed_class
        x = torch.cat([cls, x], 1)
        selection = self.selection()
        for block in self.blocks:
            x = block(x, selection)
        return self.head.projection(self.norm(x[:, 0]))


def check(folder):
    """The largest difference from the official outputs, file by file; the change of a video is not looked at."""
    from safetensors.torch import load_file

    worst = 0
    for path in sorted(pathlib.Path(folder).glob("*mvit_*.json")) + sorted(pathlib.Path(folder).glob("memvit_*.json")):
        case = json.loads(path.read_text())
        if not path.name.startswith(("mvit_", "memvit_all", "memvit_seed")):
            continue
        tensors, c = load_file(path.with_suffix(".safetensors")), dict(case["config"])
        c["features"] = c["MODEL.NUM_CLASSES"][0]
        model = MViT(c)
        model.load_state_dict({name[8:]: value for name, value in tensors.items() if name.startswith("weights.")})
        with torch.no_grad():
            if "input.video" in tensors:
                pairs = [(model(tensors["input.video"]), tensors["eval.out"])]
            else:
                pairs = [(model(tensors[f"input.clip{step['clip']}"]), tensors[f"eval.clip{step['clip']}.out"])
                         for step in case["steps"]]
        difference = max((ours - theirs).abs().max().item() for ours, theirs in pairs)
        print(f"{path.stem}: off by {difference:.1e}")
        worst = max(worst, difference)
    if not worst < 1e-4:
        sys.exit("mvit_torch.py does not give the official values")


if __name__ == "__main__":
    check(sys.argv[1])
