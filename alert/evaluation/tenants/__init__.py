"""Several tenants on one machine, simulated on recorded traces under many policies."""
