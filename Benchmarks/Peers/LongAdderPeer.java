import java.util.concurrent.atomic.LongAdder;

/** `LongAdderPeer ROW`: one counter incremented by one thread or by two. */
public final class LongAdderPeer {
    private static final LongAdder adder = new LongAdder();

    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "counter-increment": Threads.measure(arguments[0], 1, false, LongAdderPeer::increment); break;
            case "counter-increment-two-loops": Threads.measure(arguments[0], 2, false, LongAdderPeer::increment); break;
            default: throw new IllegalArgumentException(arguments[0]);
        }
        if (adder.sum() == 0) throw new IllegalStateException("nothing was counted");
    }

    private static void increment(long operations) {
        LongAdder mine = adder;
        for (long operation = 0; operation < operations; operation++) mine.increment();
    }
}
