/// Carries a lease into an escaping closure, which cannot hold what is not copyable. What becomes of it first counts.
package final class LeaseBox<Resource> {
    private var lease: Lease<Resource>?

    package init(_ lease: consuming Lease<Resource>) {
        self.lease = consume lease
    }

    package func take() -> Lease<Resource>? {
        self.lease.take()
    }

    package func release() {
        self.lease.take()?.release()
    }

    package func discard() {
        self.lease.take()?.discard()
    }
}
