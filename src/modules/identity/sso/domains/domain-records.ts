import { Resolver } from 'node:dns/promises';
import { Inject, Injectable } from '@nestjs/common';
import { type IdentityConfig, identityConfig } from '../../identity.config.ts';

/** For one question to one server, in milliseconds; each is asked twice. */
const timeoutMs = 2_000;

/** What domains say of themselves in DNS. */
@Injectable()
export class DomainRecords {
  private readonly resolver = new Resolver({ timeout: timeoutMs, tries: 2 });

  constructor(@Inject(identityConfig.token) config: IdentityConfig) {
    if (config.dnsServers.length > 0) this.resolver.setServers([...config.dnsServers]);
  }

  /** The TXT records of a name, the strings of each put together; none where DNS has none, or does not answer. */
  async txt(name: string): Promise<string[]> {
    const found = await this.resolver.resolveTxt(name).catch(() => []);
    return found.map((strings) => strings.join(''));
  }
}
