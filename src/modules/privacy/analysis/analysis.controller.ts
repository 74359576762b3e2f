import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer } from '../../../platform/http/index.ts';
import {
  AnalysisResponse,
  AnalyzeTexts,
  AnonymizedResponse,
  AnonymizeTexts,
  DeanonymizedResponse,
  DeanonymizeText,
} from './analysis.schemas.ts';
import { AnalysisService } from './analysis.service.ts';

/** What is found and hidden in texts, over REST: to try policies, to measure, and for a tenant's own programs. */
@ApiTags('Privacy')
@Controller('v1/privacy')
export class AnalysisController {
  constructor(private readonly analysis: AnalysisService) {}

  @Post('analyze')
  @HttpCode(200)
  @KeepsNoAnswer()
  @Access('privacy.analyze')
  @Answers({ summary: 'Find personal data in texts', body: AnalysisResponse })
  analyze(@Body({ schema: AnalyzeTexts }) body: AnalyzeTexts) {
    return this.analysis.analyze(body);
  }

  @Post('anonymize')
  @HttpCode(200)
  @KeepsNoAnswer()
  @Access('privacy.analyze')
  @Answers({ summary: 'Put placeholders in the place of personal data', body: AnonymizedResponse })
  anonymize(@Caller() caller: Principal, @Body({ schema: AnonymizeTexts }) body: AnonymizeTexts) {
    return this.analysis.anonymize(caller, body);
  }

  @Post('deanonymize')
  @HttpCode(200)
  @KeepsNoAnswer()
  @Access('privacy.analyze')
  @Answers({ summary: 'Put personal data back in the place of its placeholders', body: DeanonymizedResponse })
  deanonymize(@Caller() caller: Principal, @Body({ schema: DeanonymizeText }) body: DeanonymizeText) {
    return this.analysis.deanonymize(caller, body);
  }
}
