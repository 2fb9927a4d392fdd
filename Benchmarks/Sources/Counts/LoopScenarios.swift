import Measuring
import NIOCore

/// NIO alone: what the others are compared with, and what shows that the counting works.
let loopScenarios: [Scenario] = [
    // Each task hands the loop the next one.
    (
        "nio-execute",
        { operations, marks in
            try withLoops(1) { group in
                let loop = group.any()
                let done = loop.makePromise(of: Void.self)
                loop.execute { Chain(loop, warmUp + operations, marks, done).step() }
                try done.futureResult.wait()
            }
        }
    ),
    // A promise made, completed and observed on the loop.
    (
        "nio-promise",
        { operations, marks in
            try onLoop { loop in
                completePromises(loop, warmUp)
                marks.begin()
                completePromises(loop, operations)
                marks.end()
            }
        }
    ),
]

private final class Chain: Sendable {
    private struct State {
        var left: Int
        let warm: Int
        let marks: Marks
        let done: EventLoopPromise<Void>
    }

    private let loop: any EventLoop
    private let state: NIOLoopBoundBox<State>

    init(_ loop: any EventLoop, _ operations: Int, _ marks: Marks, _ done: EventLoopPromise<Void>) {
        self.loop = loop
        self.state = NIOLoopBoundBox(State(left: operations, warm: operations - warmUp, marks: marks, done: done), eventLoop: loop)
    }

    func step() {
        if self.state.value.left == self.state.value.warm { self.state.value.marks.begin() }
        if self.state.value.left == 0 {
            self.state.value.marks.end()
            self.state.value.done.succeed()
            return
        }
        self.state.value.left -= 1
        self.loop.execute { self.step() }
    }
}

@inline(never)
private func completePromises(_ loop: any EventLoop, _ operations: Int) {
    for _ in 0..<operations {
        let promise = loop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in }
        promise.succeed()
    }
}
