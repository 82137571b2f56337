// SPDX-License-Identifier: Apache-2.0

/// Bytes as files, logs and servers carry them.
public typealias Bytes = [UInt8]
