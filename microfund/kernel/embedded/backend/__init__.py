"""Django database engine: PostgreSQL, started when needed. ``ENGINE = "microfund.kernel.embedded.backend"``."""
