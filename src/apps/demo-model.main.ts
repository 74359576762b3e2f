import { readOptions } from './demo-model/options.ts';
import { startDemoModel } from './demo-model/server.ts';

try {
  const demoModel = await startDemoModel(readOptions(process.env, process.argv.slice(2)));
  const stop = () => void demoModel.close().then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  process.stdout.write(`${JSON.stringify({ url: demoModel.url, pid: process.pid })}\n`);
} catch (error) {
  process.stderr.write(`demo-model: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
