// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks
import VideoFeatures

/// The layers of VSLNet or VSLBase, put together. It holds no numbers: any thread can run it on a workspace of its own.
struct Network: Sendable {
    private enum TextInput: Sendable {
        case encoded(Linear)
        case tokens(TextEmbedding)
    }

    let configuration: VSLNetConfiguration
    let layout: ParameterLayout
    private let videoProjection: Linear
    private let videoSite: DropoutSite
    private let textInput: TextInput
    private let encoder: FeatureEncoder
    private let querySites: FeatureEncoder.Sites
    private let videoSites: FeatureEncoder.Sites
    private let attention: ContextQueryAttention
    private let concatenation: QueryConcatenation
    private let highlight: HighlightLayer?
    private let predictor: SpanPredictor

    /// The place of everything in a workspace.
    struct Plan: Sendable {
        let shape: PassShape
        fileprivate let scratch: Scratch
        fileprivate let videoBias: FloatSlot, textBias: FloatSlot
        fileprivate let features: FloatSlot, featureMask: ByteSlot, textRows: FloatSlot
        fileprivate let projectedVideo: FloatSlot, projectedText: FloatSlot
        fileprivate let video: FloatSlot, text: FloatSlot
        fileprivate let videoCache: FeatureEncoder.Cache, textCache: FeatureEncoder.Cache
        fileprivate let attended: FloatSlot, joined: FloatSlot, gated: FloatSlot
        fileprivate let attention: ContextQueryAttention.Cache
        fileprivate let concatenation: QueryConcatenation.Cache
        fileprivate let highlight: HighlightLayer.Cache?
        fileprivate let predictor: SpanPredictor.Cache
        fileprivate let embedding: TextEmbedding.Cache?
        fileprivate let dvideo: FloatSlot, dother: FloatSlot, dtext: FloatSlot
        /// All of it. The last, since the others reserve their places first.
        let workspace: WorkspacePlan

        /// (samples, Lv): the logits of start and end; after `loss`, their gradients.
        var start: FloatSlot { self.predictor.start }
        var end: FloatSlot { self.predictor.end }
        /// (samples, Lv).
        var highlightScores: FloatSlot? { self.highlight?.scores }
    }

    init(_ configuration: VSLNetConfiguration) {
        var layout = ParameterLayout(decays: Self.decays), sites = DropoutSites()
        let width = configuration.width
        self.configuration = configuration
        self.videoProjection = Linear(
            convolution: "video_affine.linear.conv1d", inputs: configuration.videoFeatureWidth, outputs: width,
            in: &layout)
        self.videoSite = sites.add("video_affine.drop.0")
        switch configuration.text {
        case .encoded(let textWidth):
            self.textInput = .encoded(Linear(["query_affine"], inputs: textWidth, outputs: width, in: &layout))
        case .tokens(let words, let wordWidth, let characters, let characterWidth):
            self.textInput = .tokens(
                TextEmbedding(
                    "embedding_net", words: words, wordWidth: wordWidth, characters: characters,
                    characterWidth: characterWidth, width: width, in: &layout, sites: &sites))
        }
        self.encoder = FeatureEncoder("feature_encoder", configuration: configuration, in: &layout)
        self.querySites = FeatureEncoder.Sites("feature_encoder", call: 0, &sites)
        self.videoSites = FeatureEncoder.Sites("feature_encoder", call: 1, &sites)
        self.attention = ContextQueryAttention("cq_attention", width: width, in: &layout, sites: &sites)
        self.concatenation = QueryConcatenation("cq_concat", width: width, in: &layout)
        self.highlight =
            configuration.architecture == .vslNet
            ? HighlightLayer("highlight_layer", width: width, in: &layout) : nil
        self.predictor = SpanPredictor("predictor", configuration: configuration, in: &layout, sites: &sites)
        self.layout = layout
    }

    /// Tells whether weight decay acts on a parameter: not on names with `bias`, `layer_norm` or `LayerNorm`
    /// (EGO4D/episodic-memory: NLQ/VSLNet/model/VSLNet.py, `build_optimizer_and_scheduler`).
    @Sendable static func decays(_ name: String) -> Bool {
        !["bias", "layer_norm", "LayerNorm"].contains { name.contains($0) }
    }

    /// Lays out a workspace for micro-batches of at most `shape`.
    func plan(_ shape: PassShape) -> Plan {
        var plan = WorkspacePlan()
        let width = self.configuration.width, longest = max(shape.video, shape.text)
        let video = shape.samples * shape.video * width, text = shape.samples * shape.text * width
        let features = shape.samples * shape.video * self.configuration.videoFeatureWidth
        var textWidth = 0, embedding: TextEmbedding.Cache?
        switch self.textInput {
        case .encoded(let linear): textWidth = linear.inputs
        case .tokens(let layer): embedding = layer.plan(&plan, shape: shape)
        }
        let kernel = max(self.encoder.scratchCount(length: longest), self.predictor.scratchCount(length: longest))
        let scratch = Scratch(&plan, samples: shape.samples, length: longest, width: width, kernel: kernel)
        let videoBias = plan.floats(shape.samples * shape.video), textBias = plan.floats(shape.samples * shape.text)
        return Plan(
            shape: shape, scratch: scratch, videoBias: videoBias, textBias: textBias, features: plan.floats(features),
            featureMask: plan.bytes(features), textRows: plan.floats(shape.samples * shape.text * textWidth),
            projectedVideo: plan.floats(video), projectedText: plan.floats(text), video: plan.floats(video),
            text: plan.floats(text),
            videoCache: self.encoder.plan(&plan, samples: shape.samples, length: shape.video),
            textCache: self.encoder.plan(&plan, samples: shape.samples, length: shape.text),
            attended: plan.floats(video), joined: plan.floats(video), gated: plan.floats(video),
            attention: self.attention.plan(&plan, shape: shape),
            concatenation: self.concatenation.plan(&plan, shape: shape),
            highlight: self.highlight?.plan(&plan, shape: shape), predictor: self.predictor.plan(&plan, shape: shape),
            embedding: embedding, dvideo: plan.floats(video), dother: plan.floats(video), dtext: plan.floats(text),
            workspace: plan)
    }
}

extension Network {
    /// The padding of a micro-batch.
    struct Masks {
        let video: PaddingMask, text: PaddingMask
    }

    private func matrices(_ batch: Batch, _ plan: Plan, _ pass: Pass) -> Matrices {
        Matrices(batch, plan, width: self.configuration.width, pass)
    }

    /// From the samples `first ..< first + pass.samples` of a batch to logits and scores in the workspace.
    func forward(_ batch: Batch, _ plan: Plan, _ pass: Pass) -> Masks {
        let range = pass.firstSample..<pass.firstSample + pass.samples
        let masks = Masks(
            video: PaddingMask(
                lengths: batch.samples[range].lazy.map(\.video.rows), length: batch.videoLength,
                bias: pass[plan.videoBias]),
            text: PaddingMask(
                lengths: batch.samples[range].lazy.map(\.textLength), length: batch.textLength,
                bias: pass[plan.textBias]))
        let m = self.matrices(batch, plan, pass)
        self.embedText(batch, plan, into: m.projectedText, pass)
        self.projectVideo(batch, plan, into: m.projectedVideo, pass)
        self.encoder.forward(
            m.projectedText, into: m.text, mask: masks.text, sites: self.querySites, cache: plan.textCache,
            scratch: plan.scratch, pass)
        self.encoder.forward(
            m.projectedVideo, into: m.video, mask: masks.video, sites: self.videoSites, cache: plan.videoCache,
            scratch: plan.scratch, pass)
        self.attention.forward(
            video: m.video, query: m.text, into: m.attended, videoMask: masks.video, queryMask: masks.text,
            cache: plan.attention, pass)
        self.concatenation.forward(
            video: m.attended, query: m.text, into: m.joined, queryMask: masks.text, cache: plan.concatenation, pass)
        if let highlight = self.highlight, let cache = plan.highlight {
            highlight.forward(m.joined, into: m.gated, mask: masks.video, cache: cache, pass)
        }
        self.predictor.forward(
            self.highlight == nil ? m.joined : m.gated, mask: masks.video, cache: plan.predictor,
            scratch: plan.scratch, pass)
        return masks
    }

    /// The micro-batch's part of the batch's losses. Logits become gradients.
    func loss(_ batch: Batch, _ plan: Plan, _ masks: Masks, _ pass: Pass) -> (location: Double, highlight: Double) {
        var location = 0.0, highlighting = 0.0
        let weight = 1 / Float(batch.samples.count), bins = batch.videoLength
        for sample in 0..<pass.samples {
            guard let target = batch.samples[pass.firstSample + sample].target else {
                preconditionFailure("a sample without target has no loss")
            }
            location += Losses.crossEntropy(
                pass[plan.start] + sample * bins, count: bins, target: target.start, weight: weight)
            location += Losses.crossEntropy(
                pass[plan.end] + sample * bins, count: bins, target: target.end, weight: weight)
        }
        if let highlight = self.highlight, let cache = plan.highlight {
            highlighting = highlight.loss(
                labels: { batch.samples[pass.firstSample + $0].target?.highlight[$1] ?? 0 }, mask: masks.video,
                validBins: batch.validBins, weight: self.configuration.highlightWeight, cache: cache, pass)
        }
        return (location / Double(batch.samples.count), highlighting)
    }

    /// Sums the gradients of all parameters, after `forward` and `loss`.
    func backward(_ batch: Batch, _ plan: Plan, _ masks: Masks, _ pass: Pass) {
        let m = self.matrices(batch, plan, pass)
        self.predictor.backward(
            x: self.highlight == nil ? m.joined : m.gated, dx: m.dother, mask: masks.video, cache: plan.predictor,
            scratch: plan.scratch, pass)
        if let highlight = self.highlight, let cache = plan.highlight {
            highlight.backward(x: m.joined, dgated: m.dother, dx: m.dother, cache: cache, pass)
        }
        m.dtext.start.update(repeating: 0, count: m.dtext.count)
        self.concatenation.backward(
            video: m.attended, query: m.text, dout: m.dother, dvideo: m.dvideo, dquery: m.dtext,
            queryMask: masks.text, cache: plan.concatenation, pass)
        m.dother.start.update(repeating: 0, count: m.dother.count)
        self.attention.backward(
            video: m.video, query: m.text, dout: m.dvideo, dvideo: m.dother, dquery: m.dtext, videoMask: masks.video,
            queryMask: masks.text, cache: plan.attention, pass)
        self.encoder.backward(
            dx: m.dother, mask: masks.video, cache: plan.videoCache, scratch: plan.scratch, pass)
        self.videoProjection.addBiasGradient(dy: m.dother, pass)
        self.videoProjection.backward(x: m.features, dy: m.dother, dx: nil, pass)
        self.encoder.backward(dx: m.dtext, mask: masks.text, cache: plan.textCache, scratch: plan.scratch, pass)
        switch self.textInput {
        case .encoded(let linear):
            let rows = pass.matrix(plan.textRows, rows: m.dtext.rows, columns: linear.inputs)
            linear.addBiasGradient(dy: m.dtext, pass)
            linear.backward(x: rows, dy: m.dtext, dx: nil, pass)
        case .tokens(let layer):
            guard let cache = plan.embedding else { preconditionFailure("no memory was planned for tokens") }
            layer.backward(dout: m.dtext, shape: self.shape(batch, pass), cache: cache, pass)
        }
    }

    private func shape(_ batch: Batch, _ pass: Pass) -> PassShape {
        PassShape(
            samples: pass.samples, video: batch.videoLength, text: batch.textLength, word: batch.wordLength)
    }
}

extension Network {
    /// Drop(features) Wᵀ + b; the dropped, padded features stay in the workspace for the gradient.
    private func projectVideo(_ batch: Batch, _ plan: Plan, into out: Matrix, _ pass: Pass) {
        let width = self.configuration.videoFeatureWidth, count = batch.videoLength * width
        let features = pass.matrix(plan.features, rows: out.rows, columns: width)
        let mask = pass.drawMask(self.videoSite, plan.featureMask, count: count)
        for sample in 0..<pass.samples {
            let video = batch.samples[pass.firstSample + sample].video
            let to = features.start + sample * count
            video.values.withUnsafeBufferPointer { values in
                guard let from = values.baseAddress else { return }
                if let mask {
                    ck_apply_mask(from, mask + sample * count, pass.scale, to, values.count)
                } else {
                    to.update(from: from, count: values.count)
                }
            }
            (to + video.values.count).update(repeating: 0, count: count - video.values.count)
        }
        self.videoProjection.forward(features, into: out, pass)
    }

    private func embedText(_ batch: Batch, _ plan: Plan, into out: Matrix, _ pass: Pass) {
        switch self.textInput {
        case .encoded(let linear):
            let rows = pass.matrix(plan.textRows, rows: out.rows, columns: linear.inputs)
            for sample in 0..<pass.samples {
                guard case .encoded(let text, _) = batch.samples[pass.firstSample + sample].text else { continue }
                let taken = min(text.rows, batch.textLength) * linear.inputs, to = rows.row(sample * batch.textLength)
                text.values.withUnsafeBufferPointer { values in
                    if let from = values.baseAddress { to.update(from: from, count: taken) }
                }
                (to + taken).update(repeating: 0, count: batch.textLength * linear.inputs - taken)
            }
            linear.forward(rows, into: out, pass)
        case .tokens(let layer):
            guard let cache = plan.embedding else { preconditionFailure("no memory was planned for tokens") }
            let shape = self.shape(batch, pass)
            self.writeIDs(
                batch, layer.wordIDs(cache, shape: shape, pass), layer.characterIDs(cache, shape: shape, pass), pass)
            layer.forward(into: out, shape: shape, cache: cache, pass)
        }
    }

    /// Pads the ids of words and characters with 0.
    private func writeIDs(
        _ batch: Batch, _ wordIDs: UnsafeMutableBufferPointer<Int32>,
        _ characterIDs: UnsafeMutableBufferPointer<Int32>, _ pass: Pass
    ) {
        wordIDs.update(repeating: 0)
        characterIDs.update(repeating: 0)
        for sample in 0..<pass.samples {
            guard case .tokens(let words, let characters) = batch.samples[pass.firstSample + sample].text else {
                continue
            }
            for (index, word) in words.enumerated() {
                let place = sample * batch.textLength + index
                wordIDs[place] = word
                for (letter, character) in characters[index].enumerated() {
                    characterIDs[place * batch.wordLength + letter] = character
                }
            }
        }
    }

    /// The activations of one micro-batch as matrices.
    private struct Matrices {
        let features: Matrix, projectedVideo: Matrix, projectedText: Matrix, video: Matrix, text: Matrix
        let attended: Matrix, joined: Matrix, gated: Matrix, dvideo: Matrix, dother: Matrix, dtext: Matrix

        init(_ batch: Batch, _ plan: Plan, width: Int, _ pass: Pass) {
            let bins = pass.samples * batch.videoLength, tokens = pass.samples * batch.textLength
            func video(_ slot: FloatSlot) -> Matrix { pass.matrix(slot, rows: bins, columns: width) }
            func text(_ slot: FloatSlot) -> Matrix { pass.matrix(slot, rows: tokens, columns: width) }
            let featureWidth = batch.samples.first?.video.columns ?? 0
            self.features = pass.matrix(plan.features, rows: bins, columns: featureWidth)
            self.projectedVideo = video(plan.projectedVideo)
            self.projectedText = text(plan.projectedText)
            self.video = video(plan.video)
            self.text = text(plan.text)
            self.attended = video(plan.attended)
            self.joined = video(plan.joined)
            self.gated = video(plan.gated)
            self.dvideo = video(plan.dvideo)
            self.dother = video(plan.dother)
            self.dtext = text(plan.dtext)
        }
    }
}
