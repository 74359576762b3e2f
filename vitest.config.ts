import { defineConfig } from 'vitest/config';

const shared = { pool: 'forks', environment: 'node', testTimeout: 30_000, hookTimeout: 60_000 } as const;

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      // No I/O but loopback HTTP inside the test: seconds. Files share a process, since to load what they use takes longer than most of them.
      {
        test: {
          ...shared,
          name: 'small',
          isolate: false,
          include: ['src/**/*.test.ts', 'web/**/*.test.ts'],
          exclude: ['src/**/*.db.test.ts'],
        },
      },
      // Real Postgres and Redis, as the runtime roles. Files share a process here too.
      {
        test: {
          ...shared,
          name: 'db',
          isolate: false,
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
