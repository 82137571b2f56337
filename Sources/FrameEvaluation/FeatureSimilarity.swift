// SPDX-License-Identifier: Apache-2.0

/// The likeness of features.
public enum FeatureSimilarity {
    /// A norm below this counts as this: the cosine with a vector of zeros is 0.
    private static let normMin = 1e-8

    /// The cosine of two vectors.
    public static func cosine(_ a: some Collection<Float>, _ b: some Collection<Float>) -> Double {
        precondition(a.count == b.count, "vectors of one length")
        var product = 0.0, first = 0.0, second = 0.0
        for (x, y) in zip(a, b) {
            product += Double(x) * Double(y)
            first += Double(x) * Double(x)
            second += Double(y) * Double(y)
        }
        return product / (max(first.squareRoot(), Self.normMin) * max(second.squareRoot(), Self.normMin))
    }

    /// A vector over its norm.
    public static func normalised(_ vector: some Collection<Float>) -> [Float] {
        let squares = vector.reduce(0.0) { $0 + Double($1) * Double($1) }
        let norm = max(squares.squareRoot(), Self.normMin)
        return vector.map { Float(Double($0) / norm) }
    }
}
