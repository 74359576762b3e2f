import { readJson, writeJson } from '../state/stored-json.ts';
import { callApi } from './call-api.ts';
import { type Credentials, isUnauthenticated, SignedOut } from './credentials.ts';

interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  tenant_id?: string;
}

interface StoredSession {
  email: string;
  tenantId: string;
  accessToken: string;
  refreshToken: string;
  expiresAt: number;
}

const key = 'parley.member';
// Tokens end with the tab: they are worth more than what a reload in a new tab would save.
const storage = () => sessionStorage;
const earlyMs = 20_000;

/** A signed-in person. Renews the access token shortly before its end, one renewal at a time. */
export class MemberSession implements Credentials {
  readonly kind = 'member';
  private renewal: Promise<void> | undefined;

  private constructor(private stored: StoredSession) {}

  get email(): string {
    return this.stored.email;
  }

  get owner(): string {
    return `${this.stored.tenantId}/${this.stored.email}`;
  }

  /** The tab's session, after a reload. */
  static restore(): MemberSession | undefined {
    const stored = readJson(storage, key) as StoredSession | undefined;
    return stored?.refreshToken === undefined ? undefined : new MemberSession(stored);
  }

  static async signIn(email: string, password: string): Promise<MemberSession> {
    return MemberSession.begin(email, await callApi<Tokens>('POST', '/v1/auth/sign-in', { body: { email, password } }));
  }

  static async signUp(email: string, password: string, tenantName: string): Promise<MemberSession> {
    const body = { email, password, tenant_name: tenantName };
    return MemberSession.begin(email, await callApi<Tokens>('POST', '/v1/auth/sign-up', { body }));
  }

  private static begin(email: string, tokens: Tokens): MemberSession {
    const session = new MemberSession({ email, tenantId: tokens.tenant_id ?? '', accessToken: '', refreshToken: '', expiresAt: 0 });
    session.keep(tokens);
    return session;
  }

  async call<T>(run: (bearer: string) => Promise<T>): Promise<T> {
    if (Date.now() > this.stored.expiresAt - earlyMs) await this.renew();
    try {
      return await run(this.stored.accessToken);
    } catch (error) {
      if (!isUnauthenticated(error)) throw error;
      await this.renew();
      return run(this.stored.accessToken);
    }
  }

  renew(): Promise<void> {
    this.renewal ??= this.exchange().finally(() => {
      this.renewal = undefined;
    });
    return this.renewal;
  }

  /** Forgets the tokens on this device. */
  forget(): void {
    writeJson(storage, key, undefined);
  }

  private async exchange(): Promise<void> {
    try {
      this.keep(await callApi<Tokens>('POST', '/v1/auth/refresh', { body: { refresh_token: this.stored.refreshToken } }));
    } catch (error) {
      if (!isUnauthenticated(error)) throw error;
      this.forget();
      throw new SignedOut();
    }
  }

  private keep(tokens: Tokens): void {
    this.stored = {
      ...this.stored,
      accessToken: tokens.access_token,
      refreshToken: tokens.refresh_token,
      expiresAt: Date.now() + tokens.expires_in * 1000,
    };
    writeJson(storage, key, this.stored);
  }
}
