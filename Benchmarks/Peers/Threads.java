import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.CyclicBarrier;

/**
 * Times an operation on one thread or on several at once, after the JIT compiler has had its time. Counts the threads' processor
 * time, as our side does: what other programs take is no part of it. (Nor is what the JVM's own threads do, to its advantage.)
 */
final class Threads {
    /** One round of operations by one thread, so many of them. */
    interface Body { void run(long operations) throws Exception; }

    private static final ThreadMXBean processor = ManagementFactory.getThreadMXBean();
    private static final int SAMPLES = 3;
    private static final long WARM_UP_NANOSECONDS = 2_000_000_000L;
    private static final long SAMPLE_NANOSECONDS = 400_000_000L;

    /**
     * Prints samples of the nanoseconds per operation of a thread, all threads busy at once. With `together`, per operation of any of
     * them: divided by their number.
     */
    static void measure(String row, int threads, boolean together, Body body) throws Exception {
        long operations = 1000;
        long begun = System.nanoTime();
        double perOperation = 0;
        while (System.nanoTime() - begun < WARM_UP_NANOSECONDS) {
            perOperation = round(threads, operations, body);
            operations = Math.max(1000, (long) (SAMPLE_NANOSECONDS / 4 / perOperation));
        }
        operations = (long) (SAMPLE_NANOSECONDS / perOperation);
        for (int sample = 0; sample < SAMPLES; sample++) {
            double value = round(threads, operations, body);
            System.out.println("SAMPLE " + row + " " + (together ? value / threads : value) + " ns");
        }
    }

    /** The mean over the threads. */
    private static double round(int count, long operations, Body body) throws Exception {
        if (count == 1) {
            long begun = processor.getCurrentThreadCpuTime();
            body.run(operations);
            return (double) (processor.getCurrentThreadCpuTime() - begun) / operations;
        }
        CyclicBarrier barrier = new CyclicBarrier(count);
        Thread[] threads = new Thread[count];
        long[] times = new long[count];
        Exception[] failures = new Exception[count];
        for (int index = 0; index < count; index++) {
            int mine = index;
            threads[index] = new Thread(() -> {
                try {
                    body.run(100); // what a thread needs of its own is made
                    barrier.await();
                    long begun = processor.getCurrentThreadCpuTime();
                    body.run(operations);
                    times[mine] = processor.getCurrentThreadCpuTime() - begun;
                } catch (Exception failure) {
                    failures[mine] = failure;
                }
            });
            threads[index].start();
        }
        double sum = 0;
        for (int index = 0; index < count; index++) {
            threads[index].join();
            if (failures[index] != null) throw failures[index];
            sum += times[index];
        }
        return sum / count / operations;
    }
}
