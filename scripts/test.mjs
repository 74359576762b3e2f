/** `npm test`: all tests on a Postgres, a Redis and a browser of their own. Arguments go to vitest, e.g. `npm test -- --project small`. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './local/build.mjs';
import { chromiumPath } from './local/chromium.mjs';
import { describeError } from './local/launcher-error.mjs';
import { prepareRuntime } from './local/node-runtime.mjs';
import { installedBin, projectEnv, root } from './local/paths.mjs';
import { dyingWithParent, watchNpm } from './local/processes.mjs';
import { fail, step } from './local/progress.mjs';
import { startTestServices } from './local/test-services.mjs';

/** @typedef {{ status: string, assertionResults: { status: string }[] }} FileResult */

/**
 * Counts a vitest report. A file that fails outside its tests (it does not load, a hook breaks) counts as one failure.
 * @param {string} reportFile
 */
function count(reportFile) {
  try {
    /** @type {{ testResults: FileResult[] }} */
    const { testResults } = JSON.parse(readFileSync(reportFile, 'utf8'));
    const tests = testResults.flatMap((file) => file.assertionResults);
    const brokenFiles = testResults.filter(
      (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
    );
    return {
      passed: tests.filter((test) => test.status === 'passed').length,
      failed: tests.filter((test) => test.status === 'failed').length + brokenFiles.length,
    };
  } catch {
    return { passed: 0, failed: 0 };
  }
}

/** @param {NodeJS.ProcessEnv} env @param {string} reportFile @returns {Promise<number>} vitest's exit code */
function runVitest(env, reportFile) {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  const [program = '', ...args] = dyingWithParent('SIGTERM', [installedBin('vitest'), 'run', ...reporters, ...process.argv.slice(2)]);
  const child = spawn(program, args, { cwd: root, stdio: 'inherit', env });
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));
  watchNpm(() => child.kill('SIGTERM'));
  return new Promise((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function main() {
  const begin = performance.now();
  let passed = 0;
  let failed = 0;
  try {
    const [services, browser] = await Promise.all([
      step('Postgres and Redis for the tests', startTestServices),
      step('browser', chromiumPath),
      step('build', async (note) => note((await build()).join(' and ') || 'up to date')),
    ]);
    try {
      const report = join(services.folder, 'report.json');
      const env = projectEnv({ TEST_POSTGRES_URL: services.postgresUrl, TEST_REDIS_URL: services.redisUrl, CHROMIUM_PATH: browser });
      delete env.NODE_ENV;
      const code = await runVitest(env, report);
      ({ passed, failed } = count(report));
      if (code !== 0 && failed === 0) {
        fail(`vitest ended with exit code ${code} although no test failed: see its output above. This counts as a failure.`);
        failed = 1;
      }
      if (passed + failed === 0) fail('No test ran.');
    } finally {
      await services.stop();
    }
  } catch (error) {
    fail(describeError(error));
    failed += 1;
  }
  process.stdout.write(`\n${((performance.now() - begin) / 1000).toFixed(1)} s\n${passed} passed, ${failed} failed\n`);
  process.exit(failed > 0 || passed === 0 ? 1 : 0);
}

await prepareRuntime();
// Ctrl-C reaches vitest from the terminal; the services end after it.
process.on('SIGINT', () => {});
await main();
