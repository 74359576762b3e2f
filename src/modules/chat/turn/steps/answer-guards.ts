import type { PublishedBot } from '../../../bots/index.ts';
import { AnswerGuard, defaultInjectionPolicy, InstructionIndex, type PromptMarks } from '../../../privacy/index.ts';

/** Indexes of instructions that are kept, the one that was used last the longest. */
const maxKept = 200;
const kept = new Map<string, InstructionIndex>();

/** What an answer that stops at its instructions says instead of them. */
export const withheldNotice = '[Withheld: this would have shown the instructions of this assistant.]';

/** What an answer says that stops at personal data which its bot does not show. */
export const blockedNotice = '[Withheld: this would have shown personal data.]';

/** The guard of an answer of a bot, whose prompt has these marks. */
export function guardOf({ versionId, settings }: PublishedBot, { canary }: PromptMarks): AnswerGuard {
  const { policy, allowed_image_hosts: hosts } = settings.injection ?? defaultInjectionPolicy;
  return new AnswerGuard({ canary, hosts, ...(policy === 'off' ? {} : { instructions: indexOf(versionId, settings.instructions) }) });
}

function indexOf(versionId: string, instructions: string): InstructionIndex {
  const index = kept.get(versionId) ?? new InstructionIndex(instructions);
  kept.delete(versionId);
  kept.set(versionId, index);
  if (kept.size > maxKept) kept.delete(kept.keys().next().value ?? '');
  return index;
}
