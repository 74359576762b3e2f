import { readJson, writeJson } from '../state/stored-json.ts';
import { callApi } from './call-api.ts';
import { type Credentials, isUnauthenticated, SignedOut } from './credentials.ts';

interface Tokens {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  tenant_id?: string;
}

/** What a sign-in needs besides the password. */
export interface SecondStep {
  token: string;
  methods: ('totp' | 'passkey' | 'recovery_code')[];
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

  /** The session, or what its second step needs. */
  static async signIn(email: string, password: string): Promise<MemberSession | SecondStep> {
    const answer = await callApi<Tokens | SecondStep>('POST', '/v1/auth/sign-in', { body: { email, password } });
    return 'methods' in answer ? answer : MemberSession.begin(email, answer);
  }

  /** Finishes a sign-in with a proof. */
  static async finish(email: string, token: string, proof: object): Promise<MemberSession> {
    return MemberSession.begin(email, await callApi<Tokens>('POST', '/v1/auth/second-factor', { body: { token, proof } }));
  }

  static async byPasskey(passkey: object): Promise<MemberSession> {
    return MemberSession.named(await callApi<Tokens>('POST', '/v1/auth/passkey', { body: { passkey } }));
  }

  /** Takes a single sign-on up with its one-time code. */
  static async bySingleSignOn(code: string, password?: string): Promise<MemberSession> {
    const body = { code, ...(password === undefined ? {} : { password }) };
    return MemberSession.named(await callApi<Tokens>('POST', '/v1/auth/sso/exchange', { body, cookies: true }));
  }

  static async acceptInvitation(token: string, password: string): Promise<MemberSession> {
    return MemberSession.named(await callApi<Tokens>('POST', '/v1/auth/accept-invitation', { body: { token, password } }));
  }

  static async signUp(email: string, password: string, tenantName: string): Promise<MemberSession> {
    const body = { email, password, tenant_name: tenantName };
    return MemberSession.begin(email, await callApi<Tokens>('POST', '/v1/auth/sign-up', { body }));
  }

  /** A session of somebody whose e-mail the page has to ask for. */
  private static async named(tokens: Tokens): Promise<MemberSession> {
    const { email } = await callApi<{ email?: string }>('GET', '/v1/me', { bearer: tokens.access_token });
    return MemberSession.begin(email ?? '', tokens);
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
