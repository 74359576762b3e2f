import { Module } from '@nestjs/common';
import { Analyzer } from './anonymizer/analyzer.ts';
import { FullAnalyzer } from './anonymizer/remote/full-analyzer.ts';
import { PresidioRecognizer } from './anonymizer/remote/presidio.recognizer.ts';
import { type PrivacyConfig, privacyConfig } from './privacy.config.ts';

function fullAnalyzer(analyzer: Analyzer, config: PrivacyConfig): FullAnalyzer {
  const { presidioUrl, presidioLanguages, presidioTimeoutMs, presidioFailure } = config;
  if (presidioUrl === undefined) return new FullAnalyzer(analyzer);
  const recognizer = new PresidioRecognizer({ url: presidioUrl, languages: presidioLanguages, timeoutMs: presidioTimeoutMs });
  return new FullAnalyzer(analyzer, { recognizer, failure: presidioFailure });
}

/** What keeps personal data from whoever has no need of it. */
@Module({
  providers: [
    { provide: Analyzer, useFactory: () => new Analyzer() },
    { provide: FullAnalyzer, inject: [Analyzer, privacyConfig.token], useFactory: fullAnalyzer },
  ],
  exports: [Analyzer, FullAnalyzer],
})
export class PrivacyModule {}
