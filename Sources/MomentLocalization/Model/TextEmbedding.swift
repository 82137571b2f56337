// SPDX-License-Identifier: Apache-2.0

import CKernels
import NeuralNetworks

/// Words and their characters as vectors: `Embedding`, `WordEmbedding` and `CharacterEmbedding`
/// (EGO4D/episodic-memory: NLQ/VSLNet/model/layers.py).
///
/// A word is a fixed vector (zeros for padding, GloVe's where it is known; the unknown word's is trained) beside what
/// four convolutions find in its characters; a linear layer brings both to d columns.
struct TextEmbedding: Sendable {
    private let padding: Parameter
    private let unknown: Parameter
    private let known: Parameter
    private let characters: Embedding
    private let convolutions: [CharacterConvolution]
    private let linear: Linear
    private let wordWidth: Int
    private let wordSite: DropoutSite
    private let characterSite: DropoutSite

    /// The padded ids that `Network` writes, and what a forward pass keeps.
    struct Cache: Sendable {
        /// (samples · Lq) and (samples · Lq · Lc) ids, as bytes.
        let wordIDs: ByteSlot, characterIDs: ByteSlot
        fileprivate let words: FloatSlot, wordMask: ByteSlot
        fileprivate let embedded: FloatSlot, characterMask: ByteSlot
        fileprivate let convolutions: [CharacterConvolution.Cache], found: [FloatSlot]
        fileprivate let joined: FloatSlot, djoined: FloatSlot, dembedded: FloatSlot
    }

    /// The character channels of kernels 1, 2, 3 and 4.
    static let channels = [10, 20, 30, 40]

    init(
        _ name: String, words: Int, wordWidth: Int, characters: Int, characterWidth: Int, width: Int,
        in layout: inout ParameterLayout, sites: inout DropoutSites
    ) {
        self.padding = layout.add("\(name).word_emb.pad_vec", [1, wordWidth], .constant(0), isTrained: false)
        self.unknown = layout.add("\(name).word_emb.unk_vec", [1, wordWidth], .xavierUniform)
        self.known = layout.add("\(name).word_emb.glove_vec", [words, wordWidth], .constant(0), isTrained: false)
        self.characters = Embedding(
            "\(name).char_emb.char_emb", rows: characters, width: characterWidth, paddingIndex: 0, in: &layout)
        self.convolutions = Self.channels.enumerated().map { index, channels in
            CharacterConvolution(
                "\(name).char_emb.char_convs.\(index).0", inputs: characterWidth, channels: channels,
                kernel: index + 1, in: &layout)
        }
        self.linear = Linear(
            convolution: "\(name).linear.conv1d", inputs: wordWidth + Self.channels.reduce(0, +), outputs: width,
            in: &layout)
        self.wordWidth = wordWidth
        self.wordSite = sites.add("\(name).word_emb.dropout.0")
        self.characterSite = sites.add("\(name).char_emb.dropout.0")
    }

    func plan(_ plan: inout WorkspacePlan, shape: PassShape) -> Cache {
        let words = shape.samples * shape.text, letters = words * shape.word
        return Cache(
            wordIDs: plan.bytes(4 * words), characterIDs: plan.bytes(4 * letters),
            words: plan.floats(words * self.wordWidth), wordMask: plan.bytes(words * self.wordWidth),
            embedded: plan.floats(letters * self.characters.width),
            characterMask: plan.bytes(letters * self.characters.width),
            convolutions: self.convolutions.map { $0.plan(&plan, words: words, characters: shape.word) },
            found: self.convolutions.map { plan.floats(words * $0.channels) },
            joined: plan.floats(words * self.linear.inputs), djoined: plan.floats(words * self.linear.inputs),
            dembedded: plan.floats(letters * self.characters.width))
    }

    /// The padded ids of the words.
    func wordIDs(_ cache: Cache, shape: PassShape, _ pass: Pass) -> UnsafeMutableBufferPointer<Int32> {
        Self.ids(cache.wordIDs, count: pass.samples * shape.text, pass)
    }

    /// The padded ids of the characters.
    func characterIDs(_ cache: Cache, shape: PassShape, _ pass: Pass) -> UnsafeMutableBufferPointer<Int32> {
        Self.ids(cache.characterIDs, count: pass.samples * shape.text * shape.word, pass)
    }

    private static func ids(_ slot: ByteSlot, count: Int, _ pass: Pass) -> UnsafeMutableBufferPointer<Int32> {
        let start = UnsafeMutableRawPointer(pass[slot]).assumingMemoryBound(to: Int32.self)
        return UnsafeMutableBufferPointer(start: start, count: count)
    }

    /// out (samples · Lq, d) from the ids in the cache.
    func forward(into out: Matrix, shape: PassShape, cache: Cache, _ pass: Pass) {
        let words = out.rows, letters = words * shape.word
        let table = pass.matrix(cache.words, rows: words, columns: self.wordWidth)
        for (index, id) in self.wordIDs(cache, shape: shape, pass).enumerated() {
            table.row(index).update(from: self.vector(id, pass), count: self.wordWidth)
        }
        self.drop(table, self.wordSite, cache.wordMask, pass)
        let embedded = pass.matrix(cache.embedded, rows: letters, columns: self.characters.width)
        self.characters.forward(
            UnsafeBufferPointer(self.characterIDs(cache, shape: shape, pass)), into: embedded, pass)
        self.drop(embedded, self.characterSite, cache.characterMask, pass)
        let joined = pass.matrix(cache.joined, rows: words, columns: self.linear.inputs)
        Self.copy(table, into: joined.columns(0..<self.wordWidth))
        var column = self.wordWidth
        for (index, convolution) in self.convolutions.enumerated() {
            let found = pass.matrix(cache.found[index], rows: words, columns: convolution.channels)
            convolution.forward(
                embedded, into: found, characters: shape.word, cache: cache.convolutions[index], pass)
            Self.copy(found, into: joined.columns(column..<column + convolution.channels))
            column += convolution.channels
        }
        self.linear.forward(joined, into: out, pass)
    }

    /// The gradients of everything that is trained, from dout.
    func backward(dout: Matrix, shape: PassShape, cache: Cache, _ pass: Pass) {
        let words = dout.rows, letters = words * shape.word
        let joined = pass.matrix(cache.joined, rows: words, columns: self.linear.inputs)
        let djoined = pass.matrix(cache.djoined, rows: words, columns: self.linear.inputs)
        self.linear.addBiasGradient(dy: dout, pass)
        self.linear.backward(x: joined, dy: dout, dx: djoined, pass)
        let embedded = pass.matrix(cache.embedded, rows: letters, columns: self.characters.width)
        let dembedded = pass.matrix(cache.dembedded, rows: letters, columns: self.characters.width)
        dembedded.start.update(repeating: 0, count: dembedded.count)
        var column = self.wordWidth
        for (index, convolution) in self.convolutions.enumerated() {
            convolution.backward(
                x: embedded, dy: djoined.columns(column..<column + convolution.channels), dx: dembedded,
                characters: shape.word, cache: cache.convolutions[index], pass)
            column += convolution.channels
        }
        if let mask = pass.mask(cache.characterMask) {
            ck_apply_mask(dembedded.start, mask, pass.scale, dembedded.start, dembedded.count)
        }
        self.characters.backward(
            UnsafeBufferPointer(self.characterIDs(cache, shape: shape, pass)), dy: dembedded, pass)
        let mask = pass.mask(cache.wordMask), gradient = pass.gradient(self.unknown)
        for (index, id) in self.wordIDs(cache, shape: shape, pass).enumerated() where id == 1 {
            for place in 0..<self.wordWidth {
                let kept = mask.map { Float($0[index * self.wordWidth + place]) * pass.scale } ?? 1
                gradient[place] += djoined.row(index)[place] * kept
            }
        }
    }

    private func vector(_ id: Int32, _ pass: Pass) -> UnsafeMutablePointer<Float> {
        switch id {
        case 0: pass.value(self.padding)
        case 1: pass.value(self.unknown)
        default: pass.value(self.known) + (Int(id) - 2) * self.wordWidth
        }
    }

    private func drop(_ x: Matrix, _ site: DropoutSite, _ mask: ByteSlot, _ pass: Pass) {
        guard let kept = pass.drawMask(site, mask, count: x.count / pass.samples) else { return }
        ck_apply_mask(x.start, kept, pass.scale, x.start, x.count)
    }

    private static func copy(_ from: Matrix, into to: Matrix) {
        for row in 0..<from.rows { to.row(row).update(from: from.row(row), count: from.columns) }
    }
}
