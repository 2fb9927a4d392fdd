import Testing
import WeirPostgres
import WeirPostgresWire

@Test func aDecodingErrorNamesItsColumnsType() {
    let error = PostgresDecodingError(.unexpectedNull, type: PostgresType(rawValue: 23))
    #expect(error.description == "PostgresDecodingError.unexpectedNull: column of type 23")
}
