import NIOCore
import Testing
import WeirCore
import WeirRESP

@testable import WeirRedis

/// ``RedisQueue`` beside a model that knows nothing of bytes, numbers and places, under random schedules.
@Suite struct RedisQueueModelTests {
    @Test(arguments: 0..<200) func agreesWithTheModel(seed: Int) throws {
        var schedule = Schedule(seed: UInt64(seed))
        for _ in 0..<400 { try schedule.step() }
        try schedule.settle()
    }

    /// What became of a command.
    private final class Outcome {
        var answers: [String] = []
    }

    private struct Command {
        let id: Int
        let number: UInt64
        var isRepeatable: Bool
        var isWaiting = true
        var wasSent = false
        let outcome = Outcome()
    }

    private struct Schedule {
        private var random: SplitMix64
        private var queue = RedisQueue()
        private var nextID = 0
        /// Given, and not written to the connection that there is; abandoned ones are gone.
        private var unsent: [Command] = []
        /// Written, their replies due.
        private var due: [Command] = []
        private var over: [Command] = []
        /// What the server has read, in order.
        private var server: [Int] = []

        init(seed: UInt64) { self.random = SplitMix64(seed: seed) }

        mutating func step() throws {
            switch Int.random(in: 0..<100, using: &self.random) {
            case 0..<40: self.append()
            case 40..<55: try self.take()
            case 55..<75: try self.reply()
            case 75..<92: try self.abandon()
            case 92..<99: try self.lose()
            default: self.removeAll()
            }
            let waiting = (self.unsent + self.due).count { $0.isWaiting }
            #expect(self.queue.waiting == waiting && self.queue.count >= waiting && self.queue.count >= self.due.count)
            // What is over leaves nothing behind.
            if self.unsent.isEmpty && self.due.isEmpty { #expect(self.queue.count == 0 && self.queue.unsent.readableBytes == 0) }
        }

        /// All that is left is sent and answered.
        mutating func settle() throws {
            try self.take()
            while !self.server.isEmpty { try self.reply() }
            let stray = self.queue.popReplied()
            #expect(self.queue.count == 0 && !self.queue.hasUnsent && stray == nil)
            #expect(self.unsent.isEmpty && self.due.isEmpty && self.over.count == self.nextID)
            for command in self.over {
                #expect(command.outcome.answers.count <= 1)
                if command.isWaiting { #expect(command.outcome.answers.count == 1) }
            }
        }

        private mutating func append() {
            let id = self.nextID
            self.nextID += 1
            let isRepeatable = Bool.random(using: &self.random)
            let command = Command(id: id, number: self.queue.nextNumber, isRepeatable: isRepeatable)
            // Of any length, and telling its own number.
            let padding = String(repeating: "x", count: Int.random(in: 0..<40, using: &self.random))
            var sent = RedisCommand<RESPFrame>.raw("ECHO", "\(id)", padding)
            if isRepeatable { sent = sent.repeatable() }
            let outcome = command.outcome
            let answer = RedisAnswer.closure { result in
                switch result {
                case .success(let frame): outcome.answers.append(frame.string.map { String(buffer: $0) } ?? "?")
                case .failure(let error): outcome.answers.append("\(error.code) \(error.mayHaveRun)")
                }
            }
            self.queue.append(sent.request, answer, timer: nil)
            self.unsent.append(command)
        }

        private mutating func take() throws {
            var bytes = self.queue.takeUnsent() ?? ByteBuffer()
            var decoder = RESPRequestDecoder()
            var written: [Int] = []
            while let request = try decoder.decode(buffer: &bytes) {
                let arguments = Array(request.arguments)
                #expect(arguments.count == 3 && String(buffer: arguments[0]) == "ECHO")
                written.append(try #require(Int(String(buffer: arguments[1]))))
            }
            #expect(bytes.readableBytes == 0)
            // Sometimes the channel holds the bytes while the queue goes on.
            if Bool.random(using: &self.random) { bytes = ByteBuffer() }
            self.queue.reclaimMemory()
            #expect(written == self.unsent.map(\.id), "in order, each once, and nothing that was abandoned")
            self.server += written
            for var command in self.unsent {
                command.wasSent = true
                self.due.append(command)
            }
            self.unsent = []
            withExtendedLifetime(bytes) {}
        }

        private mutating func reply() throws {
            guard !self.server.isEmpty else {
                let stray = self.queue.popReplied()
                #expect(self.due.isEmpty && stray == nil)
                return
            }
            let id = self.server.removeFirst()
            let command = self.due.removeFirst()
            #expect(command.id == id)
            let popped = self.queue.popReplied()
            let entry = try #require(popped)
            #expect(entry.answer.isAnybody == command.isWaiting)
            entry.answer.succeed(try RESPFrame(ByteBuffer(string: "+\(id)\r\n")))
            #expect(command.outcome.answers == (command.isWaiting ? ["\(id)"] : []))
            self.over.append(command)
        }

        private mutating func abandon() throws {
            guard self.nextID > 0 else { return }
            let id = Int.random(in: max(0, self.nextID - 60)..<self.nextID, using: &self.random)
            if let index = self.unsent.firstIndex(where: { $0.id == id }) {
                var command = self.unsent.remove(at: index)
                let found = self.queue.abandon(command.number)
                let abandoned = try #require(found)
                #expect(!abandoned.isInFlight && abandoned.mayHaveRun == command.wasSent)
                abandoned.answer.fail(RedisError(.cancelled, "", mayHaveRun: abandoned.mayHaveRun))
                #expect(command.outcome.answers == ["cancelled \(command.wasSent)"])
                command.isWaiting = false
                self.over.append(command)
            } else if let index = self.due.firstIndex(where: { $0.id == id }) {
                let abandoned = self.queue.abandon(self.due[index].number)
                #expect((abandoned != nil) == self.due[index].isWaiting)
                if let abandoned { #expect(abandoned.isInFlight && abandoned.mayHaveRun) }
                self.due[index].isWaiting = false
            } else if let command = self.over.first(where: { $0.id == id }) {
                let found = self.queue.abandon(command.number)
                #expect(found == nil)
            }
        }

        private mutating func lose() throws {
            let failsFirst = Int.random(in: 0..<4, using: &self.random) == 0
            if failsFirst, !self.due.isEmpty { self.due[0].isRepeatable = false }
            let lost = self.queue.connectionLost(failsFirst: failsFirst)
            for entry in lost { entry.answer.fail(RedisError(.connectionLost, "", mayHaveRun: true)) }
            let failed = self.due.filter { $0.isWaiting && !$0.isRepeatable }
            #expect(lost.count == failed.count)
            for command in failed { #expect(command.outcome.answers == ["connectionLost true"]) }
            self.over += self.due.filter { !$0.isWaiting || !$0.isRepeatable }
            self.unsent = self.due.filter { $0.isWaiting && $0.isRepeatable } + self.unsent
            self.due = []
            self.server = []
        }

        private mutating func removeAll() {
            for (entry, mayHaveRun) in self.queue.removeAll() { entry.answer.fail(RedisError(.shutdown, "", mayHaveRun: mayHaveRun)) }
            for command in self.due + self.unsent {
                #expect(command.outcome.answers == (command.isWaiting ? ["shutdown \(command.wasSent)"] : []))
                self.over.append(command)
            }
            self.due = []
            self.unsent = []
            self.server = []
        }
    }
}
