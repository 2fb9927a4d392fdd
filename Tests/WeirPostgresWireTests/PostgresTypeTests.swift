import Testing
import WeirPostgresWire

@Test func anUnspecifiedTypeIsZero() {
    #expect(PostgresType.unspecified.rawValue == 0)
}
