/** Runs a program of the project on its own Node, after installing what is missing: `node scripts/run.mjs FILE [ARGUMENTS]`. */
import { spawn } from 'node:child_process';
import { prepareRuntime } from './local/node-runtime.mjs';

await prepareRuntime();
const child = spawn(process.execPath, process.argv.slice(2), { stdio: 'inherit' });
// Ctrl-C reaches the child by itself; it decides when it is done.
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 130)));
