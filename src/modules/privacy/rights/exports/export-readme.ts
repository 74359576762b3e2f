import type { ArchiveFacts, ArchiveFile } from './export-archive.ts';

/** What a list holds, in a line. */
const meanings: Readonly<Record<string, string>> = {
  tenant: 'the tenant: its name, and since when it is there',
  memberships: 'who works with the tenant: e-mail address and role',
  sessions: 'when members have signed in',
  api_keys: 'keys of programs, by name; never the keys themselves',
  identity_keys: 'keys with which it signs who its visitors are, by name; never the keys themselves',
  visitors: 'people who have talked to a bot: the name that the tenant gave them, and what it noted about them',
  visitor_bans: 'who is not let in any more, since when, and the code of the reason',
  conversations: 'conversations: when, with which bot, and their titles',
  messages: 'what was said in them, and what was answered; "position" is the order within a conversation',
  turns: 'each answer as it was made: when, by which model, with how many tokens',
  consents: 'what was consented to, when, and what proves it',
  hidden_values: 'values that were replaced by placeholders in texts',
  provider_calls: 'calls of model providers, and what they cost',
  legal_holds: 'orders to keep something',
  bots: 'bots and their drafts',
  bot_versions: 'what bots were told to do, version by version',
  model_credentials: 'accounts with model providers, by name; never their secrets',
  model_routes: 'which models answer for which',
};

/** A page for whoever opens the archive. */
export function readme({ tenant, subject, madeAt }: ArchiveFacts, files: ArchiveFile[]): string {
  const whose = subject.kind === 'tenant' ? `of the tenant ${tenant}` : `of the ${subject.kind} ${subject.id} with the tenant ${tenant}`;
  const lines = files.map(({ name, list, records }) => `${name} (${records}): ${meanings[list] ?? list.replaceAll('_', ' ')}`);
  return [
    `Everything that was stored ${whose} on ${madeAt.toISOString()}.`,
    '',
    'Each file is a list. A line is one record, in JSON (UTF-8); times are UTC. Where a value is null that had been',
    'encrypted, it could not be read any more. manifest.json says the same for programs.',
    '',
    ...(lines.length === 0 ? ['Nothing was stored.'] : lines),
  ].join('\n');
}
