import { defineConfig } from 'vitest/config';

const shared = { pool: 'forks', environment: 'node', testTimeout: 30_000, hookTimeout: 60_000 } as const;

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      // No I/O but loopback HTTP inside the test: seconds.
      { test: { ...shared, name: 'small', include: ['src/**/*.test.ts', 'web/**/*.test.ts'], exclude: ['src/**/*.db.test.ts'] } },
      // Real Postgres and Redis, as the runtime roles.
      {
        test: {
          ...shared,
          name: 'db',
          include: ['src/**/*.db.test.ts', 'test/{isolation,generated}/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
        },
      },
      // The whole server over its wire, with real clients and a real browser.
      {
        test: {
          ...shared,
          name: 'whole',
          include: ['test/{chat,clients,e2e,start,proxies,faults,identity,models,plans,privacy,quotas}/**/*.test.ts'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 60_000,
        },
      },
    ],
  },
});
