import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import { ModelError, type ModelProvider } from '../model-provider.ts';
import { type ModelsConfig, modelsConfig } from '../models.config.ts';
import type { TargetCredential } from '../routing/target.ts';
import { CredentialSecrets } from './credential-secrets.ts';
import { openProvider, type OpenedProvider } from './open-provider.ts';

/** How long a provider that nobody uses keeps its connections, in milliseconds. */
const idleMs = 600_000;

/** How often the pool looks for such, at most, in milliseconds. */
const sweepEveryMs = 60_000;

interface Pooled {
  opened: Promise<OpenedProvider>;
  running: number;
  usedAt: number;
}

/** Open providers, one for each credential in its current version. */
@Injectable()
export class ProviderPool implements OnApplicationShutdown {
  private readonly pooled = new Map<string, Pooled>();
  private sweptAt = clock.now();

  constructor(
    private readonly secrets: CredentialSecrets,
    @Inject(modelsConfig.token) private readonly config: ModelsConfig,
  ) {}

  /** Has `work` call a credential's provider. Rejects with ModelError `credential` when the secret cannot be had. */
  async use<T>(credential: TargetCredential, work: (provider: ModelProvider) => Promise<T>): Promise<T> {
    const pooled = this.get(credential);
    pooled.running += 1;
    try {
      return await work(await pooled.opened);
    } finally {
      pooled.running -= 1;
      pooled.usedAt = clock.now();
    }
  }

  async onApplicationShutdown(): Promise<void> {
    const all = [...this.pooled.values()];
    this.pooled.clear();
    await Promise.allSettled(all.map(async ({ opened }) => (await opened).close()));
  }

  private get(credential: TargetCredential): Pooled {
    this.sweep();
    const key = `${credential.owner.kind}|${credential.id}|${credential.version}`;
    const found = this.pooled.get(key);
    if (found !== undefined) return found;
    const made: Pooled = { opened: this.open(credential), running: 0, usedAt: clock.now() };
    this.pooled.set(key, made);
    // What failed is tried anew by the next call.
    made.opened.catch(() => this.pooled.delete(key));
    return made;
  }

  private async open(credential: TargetCredential): Promise<OpenedProvider> {
    const secret = await this.secrets.of(credential).catch((cause: unknown) => {
      throw new ModelError('unreachable', { unserved: true, cause });
    });
    if (secret === undefined) throw new ModelError('credential', { unserved: true });
    return openProvider(credential, secret, this.config);
  }

  private sweep(): void {
    const now = clock.now();
    if (now - this.sweptAt < sweepEveryMs) return;
    this.sweptAt = now;
    for (const [key, { opened, running, usedAt }] of this.pooled) {
      if (running > 0 || now - usedAt < idleMs) continue;
      this.pooled.delete(key);
      opened.then((provider) => provider.close()).catch(() => undefined);
    }
  }
}
