import { SettingRefused } from '../../modules/models/index.ts';
import { CliError } from './output.ts';

/** Has `work` done; what the settings refuse becomes one sentence for the terminal. */
export async function refusedAsSentence<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof SettingRefused ? new CliError(error.message) : error;
  }
}
