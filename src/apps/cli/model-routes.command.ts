import { text } from 'node:stream/consumers';
import { CommandRunner, Option, SubCommand } from 'nest-commander';
import { ModelSettings, providerKinds, type ProviderKind } from '../../modules/models/index.ts';
import { refusedAsSentence } from './models-output.ts';
import { CliError, say, table } from './output.ts';

/** `parley models credentials [--json]` */
@SubCommand({ name: 'credentials', description: 'credentials of the platform, without their secrets' })
export class ListCredentialsCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run(_arguments: string[], options: { json?: boolean } = {}): Promise<void> {
    const credentials = await this.settings.platformCredentials();
    table(
      credentials.map(({ name, kind, baseUrl, covered, createdAt }) => ({
        name,
        kind,
        url: baseUrl ?? '',
        covered: covered ? 'yes' : 'no',
        since: createdAt.toISOString(),
      })),
      options.json === true,
    );
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley models set-credential <name> --kind kind [--base-url url] [--api-version v] [--covered] [--skip-test] < secret` */
@SubCommand({
  name: 'set-credential',
  arguments: '<name>',
  description: 'adds a credential of the platform, or changes it; the secret comes from standard input',
})
export class SetCredentialCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run(
    [name = '']: string[],
    given: { kind?: ProviderKind; baseUrl?: string; apiVersion?: string; covered?: boolean; skipTest?: boolean } = {},
  ): Promise<void> {
    const { kind, baseUrl = null, apiVersion = null, covered = false, skipTest = false } = given;
    if (kind === undefined) throw new CliError(`Say --kind: ${providerKinds.join(', ')}.`);
    // Not an argument: those can be seen in the list of processes.
    const secret = (await text(process.stdin)).trim();
    if (secret === '') throw new CliError('Give the secret on standard input.');
    const credential = { name, kind, baseUrl, apiVersion, secret, covered, skipTest };
    const trial = await refusedAsSentence(this.settings.putCredential(credential));
    say(trial === 'ok' ? `${name} is saved; the provider takes it.` : `${name} is saved; its trial: ${trial}.`);
  }

  @Option({ flags: '--kind <kind>', description: providerKinds.join(', ') })
  kind(given: string): ProviderKind {
    const kind = providerKinds.find((known) => known === given);
    if (kind === undefined) throw new CliError(`--kind must be one of ${providerKinds.join(', ')}.`);
    return kind;
  }

  @Option({ flags: '--base-url <url>', description: 'Azure: the resource; anthropic: without /v1' })
  baseUrl(given: string): string {
    return given;
  }

  @Option({ flags: '--api-version <version>', description: 'for Azure' })
  apiVersion(given: string): string {
    return given;
  }

  @Option({ flags: '--covered', description: 'an agreement (a BAA, for example) covers what the provider is given' })
  covered(): boolean {
    return true;
  }

  @Option({ flags: '--skip-test', description: 'saves the secret without asking the provider about it' })
  skipTest(): boolean {
    return true;
  }
}

/** `parley models remove-credential <name>` */
@SubCommand({ name: 'remove-credential', arguments: '<name>', description: 'deletes a credential of the platform' })
export class RemoveCredentialCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run([name = '']: string[]): Promise<void> {
    if (!(await refusedAsSentence(this.settings.removeCredential(name)))) throw new CliError(`The platform has no credential ${name}.`);
    say(`${name} is gone.`);
  }
}

/** `parley models routes [--json]` */
@SubCommand({ name: 'routes', description: 'routes of the platform, target by target' })
export class ListRoutesCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run(_arguments: string[], options: { json?: boolean } = {}): Promise<void> {
    const targets = await this.settings.platformRoutes();
    table(
      targets.map(({ route, tier, weight, credential, model, providerModel }) => ({
        route,
        tier,
        weight,
        credential: credential ?? 'default',
        model,
        'at the provider': providerModel ?? model,
      })),
      options.json === true,
    );
  }

  @Option({ flags: '--json', description: 'as JSON' })
  json(): boolean {
    return true;
  }
}

/** `parley models set-route <name> < route.json` */
@SubCommand({
  name: 'set-route',
  arguments: '<name>',
  description:
    'adds a route of the platform, or changes it; JSON from standard input: {"targets":[{"credential":…,"model":…,"tier":0,"weight":1}]}',
})
export class SetRouteCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run([name = '']: string[]): Promise<void> {
    let given: unknown;
    try {
      given = JSON.parse(await text(process.stdin));
    } catch {
      throw new CliError('Give the route as JSON on standard input.');
    }
    await refusedAsSentence(this.settings.putRoute(name, given));
    say(`${name} is saved; replicas know within some seconds.`);
  }
}

/** `parley models remove-route <name>` */
@SubCommand({ name: 'remove-route', arguments: '<name>', description: 'deletes a route of the platform' })
export class RemoveRouteCommand extends CommandRunner {
  constructor(private readonly settings: ModelSettings) {
    super();
  }

  async run([name = '']: string[]): Promise<void> {
    if (!(await this.settings.removeRoute(name))) throw new CliError(`The platform has no route ${name}.`);
    say(`${name} is gone.`);
  }
}

/** What `parley models` does with credentials and routes of the platform. */
export const routeCommands = [
  ListCredentialsCommand,
  SetCredentialCommand,
  RemoveCredentialCommand,
  ListRoutesCommand,
  SetRouteCommand,
  RemoveRouteCommand,
];
