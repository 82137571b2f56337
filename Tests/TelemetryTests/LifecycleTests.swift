// SPDX-License-Identifier: Apache-2.0

import Foundation
import Records
import Testing

@testable import Telemetry

/// Health, and what a service manager is told.
@Suite("Lifecycle")
struct LifecycleTests {
    @Test("Live while the loop moves; ready while it works; neither waits for the other")
    func health() {
        let clock = Clock(0)
        let health = Health(stillSecondsMax: 10, clock: { clock.now })
        #expect(health.report.isLive && !health.report.isReady)
        health.set(.ready)
        #expect(health.report.isReady && health.report.reason.isEmpty)
        health.set(.unready("the log is away"))
        #expect(health.report.isLive && !health.report.isReady)
        #expect(health.report.reason == "the log is away")
        clock.add(10_001)
        #expect(!health.report.isLive)
        health.beat()
        health.set(.ready)
        #expect(health.report.isLive && health.report.isReady)
        health.stop()
        #expect(health.report.isLive && !health.report.isReady && health.report.isStopping)
    }

    @Test("A manager's socket gets the words, by path and by abstract name", arguments: [false, true])
    func notice(isAbstract: Bool) throws {
        let name = "/tmp/m-\(UUID().uuidString)"
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer {
            close(descriptor)
            unlink(name)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = isAbstract ? [0] + Array(name.utf8) : Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(2 + bytes.count + (isAbstract ? 0 : 1))
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(bound == 0)
        let notice = try #require(
            ServiceNotice(environment: [
                "NOTIFY_SOCKET": (isAbstract ? "@" : "") + name, "WATCHDOG_USEC": "2500000",
                "WATCHDOG_PID": "\(getpid())",
            ]))
        #expect(notice.watchdogSeconds == 2.5)
        #expect(notice.send(.ready, .watchdog))
        var buffer = [UInt8](repeating: 0, count: 100)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        #expect(String(decoding: buffer.prefix(max(0, count)), as: UTF8.self) == "READY=1\nWATCHDOG=1")
    }

    @Test("No manager, or a name that is none, is no notice; one that has gone is no failure")
    func silence() {
        #expect(ServiceNotice(environment: [:]) == nil)
        for name in ["", "x", "@", "vsock:2:1", "/" + String(repeating: "x", count: 200)] {
            #expect(ServiceNotice(environment: ["NOTIFY_SOCKET": name]) == nil, "\(name)")
        }
        let gone = ServiceNotice(environment: ["NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_PID": "1"])
        #expect(gone?.send(.stopping) == false)
        #expect(gone?.watchdogSeconds == nil)
    }

    @Test("The system tells of this process")
    func readings() {
        let readings = ProcessReadings.now
        #expect(readings.residentBytes > 1 << 20 && readings.virtualBytes >= readings.residentBytes)
        #expect(readings.cpuSeconds > 0 && readings.threads > 0 && readings.descriptors > 2)
        #expect(readings.descriptorsMax >= readings.descriptors)
        let age = ProcessReadings.systemTime - ProcessReadings.start
        #expect((0...86_400_000).contains(age))
        #expect(ProcessReadings.room(at: "/tmp").map { $0.size >= $0.free } == true)
        #expect(ProcessReadings.room(at: "/nowhere/at/all") == nil)
    }
}
