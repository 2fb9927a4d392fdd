import java.io.PrintWriter;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.logging.Logger;
import javax.sql.DataSource;

/** Makes stub connections, each after a delay, and counts them. */
final class StubDataSource implements DataSource {
    final AtomicInteger opened = new AtomicInteger();
    private final long connectMilliseconds;

    StubDataSource(long connectMilliseconds) { this.connectMilliseconds = connectMilliseconds; }

    @Override public Connection getConnection() throws SQLException {
        opened.incrementAndGet();
        if (connectMilliseconds > 0) {
            try {
                Thread.sleep(connectMilliseconds);
            } catch (InterruptedException interrupted) {
                throw new SQLException(interrupted);
            }
        }
        return new StubConnection();
    }

    @Override public Connection getConnection(String user, String password) throws SQLException { return getConnection(); }
    @Override public PrintWriter getLogWriter() { return null; }
    @Override public void setLogWriter(PrintWriter writer) {}
    @Override public void setLoginTimeout(int seconds) {}
    @Override public int getLoginTimeout() { return 0; }
    @Override public Logger getParentLogger() { return null; }
    @Override public <T> T unwrap(Class<T> type) { return null; }
    @Override public boolean isWrapperFor(Class<?> type) { return false; }
}
