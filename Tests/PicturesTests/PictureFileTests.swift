// SPDX-License-Identifier: Apache-2.0

import Foundation
import Pictures
import Testing

@Suite struct PictureFileTests {
    private static func picture(_ height: Int, _ width: Int) -> Picture {
        Picture(
            width: width, height: height,
            bytes: (0..<3 * height * width).map { index -> UInt8 in
                let mixed: Int = index &* 2_654_435_761
                return UInt8(truncatingIfNeeded: mixed >> 7)
            })
    }

    @Test(arguments: [(1, 1), (3, 7), (200, 150)]) func whatIsWrittenIsRead(_ height: Int, _ width: Int) throws {
        let picture = Self.picture(height, width)
        #expect(try Picture(parsing: picture.png) == picture)
        #expect(picture.png == picture.png)
    }

    @Test func filtersAndCompressionAreUndone() throws {
        for (bytes, first) in Self.foreign {
            let picture = try Picture(parsing: bytes)
            #expect(picture.height == 40 && picture.width == 40)
            #expect(Array(picture.bytes.prefix(6)) == first)
            #expect(picture.bytes == Self.gradient)
        }
    }

    @Test func portablePixmapsAreRead() throws {
        let bytes = Array("P6\n# a note\n2 1\n255\n".utf8) + [1, 2, 3, 4, 5, 6]
        #expect(try Picture(parsing: bytes) == Picture(width: 2, height: 1, bytes: [1, 2, 3, 4, 5, 6]))
        for bad in ["P6 2 1 255 ", "P6 99999999 1 255 ", "P6 0 1 255 ", "P6 x", "P6", "P6 2 1 65535 123456789012"] {
            #expect(throws: PictureFault.self, "\(bad)") { try Picture(parsing: Array(bad.utf8)) }
        }
    }

    @Test func damageIsRefused() throws {
        let whole = Self.picture(9, 5).png
        for count in 0..<whole.count {
            #expect(throws: PictureFault.self) { try Picture(parsing: Array(whole.prefix(count))) }
        }
        for place in whole.indices {
            var bytes = whole
            bytes[place] ^= 0x10
            // Damage is told, or was in a part that does not matter.
            if let picture = try? Picture(parsing: bytes) { #expect(picture == Self.picture(9, 5)) }
        }
    }

    private static let gradient: [UInt8] = {
        var bytes: [UInt8] = []
        for y in 0..<40 {
            for x in 0..<40 {
                bytes.append(UInt8(6 * x))
                bytes.append(UInt8(6 * y))
                bytes.append(UInt8((x * y) & 255))
            }
        }
        return bytes
    }()

    /// A gradient with all filters, as zlib compressed it: with codes of its own, and with the fixed one.
    private static let foreign: [([UInt8], [UInt8])] = [
        Self.decoded(
            """
            iVBORw0KGgoAAAANSUhEUgAAACgAAAAoCAIAAAADnC86AAAAA3RFWHRhAGLcSaI7AAACpklEQVR42sXYXWibVRzH8V+a9rRr05el\
            7Zp27WnXpu2IHYReRLcdcRYdcYMyNNN5LmYuSuhYGBh1Oxdb0Bk2CEWyuR03zWTGTuIuOtSDaBkjbFAnBJwHhYAjbhC8CDJ3MVGG\
            TJ8eN+nWZi860/KhJE8fSJ6nX/7nJABAAAfgBFwABdyAB/ACPoABI4AfGAUCAAeCQAgIAxFAAFEgBsSBBCCBJJAC0sAUoIBpIAPM\
            AFlAAzkgDxSAImCzXpbAVn4Vs9dLrJe3HthBKkGqQKz3Ug1SA7IEpBakDsQBUg/SANII0gSyFMQJ0gzSAtIKsgykDcQF0g7SAbIc\
            pBOkC4SCdIP0gKwA6QXpA3GD9IMMgAzarbtst1fYb/5UGlUGMaqNGmOJUWvUGQ6j3mgwGo0mY6nhNJqNFqPVUjl7xdYNRwVgByrL\
            yLoftMpBa5200UVbKG13U+qhfV660kdXMTo8Qh/1UzZKnwzQ9ZxuDNJNIbo5THmEviToWJRui9EdcfpKggpJ9yTp3hTdn6YTU/SA\
            onKavpehx2foiSw9qempHFV5+mWBninSczYrYmL+q2W2iHEtx/9f02FDGm2Ga35cVWaiVAM1wJKHoafEcQbCah2sxcmoi62kbNjN\
            mIet97JNPsYZGxthO/xMjLK9ATbBmQyy4yF2MsxUhJ0R7HyU6Ri7GGc/JdhVya4nWWWKNaSZa4r1KjY0zXwZtm6GbciygGZbc2w8\
            zyIFtrvI9tmskUhQV36LGJcH/62mA6Vmk92+zLhZk9FudFjuGVctUGdWr3qgYZ6WhQ7eJw7CGx2cOvkqF2eUb3Rz7uHbvFz4+H7G\
            5Qg/4edqlJ8LcM355SC/GuJ/hnlDhHcJPhTla2N8Q5y/mODjku9K8n0pfjjNJ6f4Z4qfnebfZvilGf5vkrSEAAACp0lEQVRLlt/Q\
            vD7HO/P8kQJfU+TP2KwFlqCp/BYxrtV4WCvdvJqOzK3Jbl9udBpdDxpXM9AELDU7pea76rrXCQJEtDjESqdgLrGJijG3EB4x4RXH\
            fUIxcX5EXPSLq6OiMiBcXAwFxbqQCITFeETsFiIRFZMx8UVcZBPikhTXkqImJTrTwjslnlJiy7QIZ8TrM+JQVqS1OJ0TF/KiUBC/\
            F4XDZm3XCFrLbxHj8uM+ajr4L2bTHTUZ1Oi23GdcrltxNd4elzW5WoFl5oS76513RILIdoccdsqNLjlG5R63lB55yivP++RlJq+P\
            yGa/HBqVTwfkVi53BWUiJD8Oy7MR+YOQ16KyPiYH4vKJhNwi5ctJGU/JD9Py9JT8Xskr07I6I3tm5OqsfFbL7TkZy8tjBfl5UX5j\
            szb/BB3lt4hxvYC7zqa3S9d05IFqstt7jBVG7z3j6rp9cs2Nq2tOXG2ml3agA9b2cfZPpfTfeqBAFHUo5lTcpQRV0q2UR2mvuupT\
            DUwNjagNfjU+qvYF1CRXZ4PqUkjdCKvOiFoj1Jao2hlTh+Lq04S6INWVpHKklCet/FMqpFRsWqUyKjOj8ln1h1YdOfVYXj1fUK8W\
            1UGb9VGSoLv8FjGuEErvwhecTUdL1HSsRE0f/F2T0We4LQ+6LJaaXG1mNv0TV6fJhwLd5vgK83uuwdmvCIjuc+j1Tr3NpSeoPuXW\
            2qN/9WqXT69leuuIfsOvJ0f1VwFd5Lo+qL0h/VxY74zoo0KfjuofY7oirvsT2i/19qR+K6U/SevvpvRvSndM68czOjij38zqj7T+\
            Oqd/zuvGgh4u6s025KwLdJffIsb1GhaaTe8stNK9u9Bser/UbLqjJru93xgwBv97XIMLTa65cfWYuKzT+sxXWdbkGrCe/gXhNxIH\
            gBOOGwAAAABJRU5ErkJggg==
            """),
        Self.decoded(
            """
            iVBORw0KGgoAAAANSUhEUgAAACgAAAAoCAIAAAADnC86AAAAA3RFWHRhAGLcSaI7AAAA4UlEQVR4AWNkYGBgGwjEAiIYGOmPGBl4\
            gFYz0R/BfczEwMBMT8TIIAG0moX+CM3HLAwMrPRBjAwqQKvZ6I+w+hgoxE5rxMhgALSHg/4Ij485GBg4qYEUsIozMtgA7eGiPyLo\
            Yy4GBm5SkBSRKhkZPID28NAfEeljHgYGXtxIDK8sdsTIEAK0h4/+iCQf8zEw8CMhYVQukUgVwmBkSADaI0B/RIaPBRgYBElBCljF\
            GRlygPYI0R+R6mNhmI+FwGw8SBa/AkaGCqA9IvRHZMcxxMciDAyiqEgKQwQrUmdkaAHaI0Z/RBVrTUPgAAAA4UlEQVQfA0sucQZg\
            GwpE4kHKyFxGhglAeyToj6jiY0mYjyWxIQWs4owMc4D2SNEfUehjadQ4lgSnamkYkkNioyNGhhVAe2Tojwj6WBa3j2UxUjXcx7K4\
            kSqEwciwBWiPHP0R2XEsjy0fS4LFgT6WAXtLDsyFI2VkLiPDAaA9CvRH1C254HGM7GNgPlbERIwMZ4D2KNEfkeFjZWw+VsbhY2WY\
            j5XAbAhSA5KMDDeA9qjQH+HxsSo2H6tii2NVbHGsihrHEB+rwhEjwxOgPWr0R5SnanXiUrU62McqYO8C41gdAPftgDm96svFAAAA\
            AElFTkSuQmCC
            """),
    ]

    private static func decoded(_ text: String) -> ([UInt8], [UInt8]) {
        (Array(Data(base64Encoded: text) ?? Data()), [0, 0, 0, 6, 0, 0])
    }
}
