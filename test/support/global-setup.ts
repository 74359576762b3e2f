import type { TestProject } from 'vitest/node';
import { findServices, makeTemplates } from './services.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
    redisUrl: string;
  }
}

/** Once per project: services, and migrated templates to copy. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const services = await findServices(process.env);
  await makeTemplates(services.postgresUrl);
  project.provide('postgresUrl', services.postgresUrl);
  project.provide('redisUrl', services.redisUrl);
  return services.stop;
}
