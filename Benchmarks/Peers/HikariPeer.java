import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.HikariPoolMXBean;
import java.sql.Connection;
import java.util.concurrent.CountDownLatch;

/** `HikariPeer ROW`: HikariCP with stub connections. */
public final class HikariPeer {
    public static void main(String[] arguments) throws Exception {
        switch (arguments[0]) {
            case "lease-return": leaseAndReturn(arguments[0], 1); break;
            case "lease-return-two-loops": leaseAndReturn(arguments[0], 2); break;
            case "hikari-spike": spike(arguments[0]); break;
            default: throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static HikariDataSource pool(StubDataSource source, int minimumIdle, int maximum) throws InterruptedException {
        HikariConfig configuration = new HikariConfig();
        configuration.setDataSource(source);
        configuration.setMinimumIdle(minimumIdle);
        configuration.setMaximumPoolSize(maximum);
        HikariDataSource pool = new HikariDataSource(configuration);
        HikariPoolMXBean state = pool.getHikariPoolMXBean();
        while (state.getIdleConnections() < minimumIdle) Thread.sleep(10);
        return pool;
    }

    private static void leaseAndReturn(String row, int threads) throws Exception {
        try (HikariDataSource pool = pool(new StubDataSource(0), 32, 32)) {
            Threads.measure(row, threads, threads > 1, operations -> {
                for (long operation = 0; operation < operations; operation++) pool.getConnection().close();
            });
        }
    }

    /** 50 requests at once, connecting takes 150 ms, a use 2 ms, minimum idle 5, up to 50: how many connections are opened in all? */
    private static void spike(String row) throws Exception {
        StubDataSource source = new StubDataSource(150);
        try (HikariDataSource pool = pool(source, 5, 50)) {
            int requests = 50;
            CountDownLatch ready = new CountDownLatch(requests);
            CountDownLatch go = new CountDownLatch(1);
            Thread[] threads = new Thread[requests];
            for (int index = 0; index < requests; index++) {
                threads[index] = new Thread(() -> {
                    try {
                        ready.countDown();
                        go.await();
                        Connection connection = pool.getConnection();
                        Thread.sleep(2);
                        connection.close();
                    } catch (Exception failure) {
                        throw new IllegalStateException(failure);
                    }
                });
                threads[index].start();
            }
            ready.await();
            go.countDown();
            for (Thread thread : threads) thread.join();
            Thread.sleep(1000); // what was asked for during the spike has been opened by now
            System.out.println("SAMPLE " + row + " " + source.opened.get() + " connections");
        }
    }
}
