"""What a route may be asked for by whom: the kinds of admission that routes state, by the action of each."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from portal.clinic.admission import Admitted, needs
from portal.clinic.rights import Action

MayAskCohort = Annotated[Admitted, Depends(needs(Action.COHORT))]
MayAskState = Annotated[Admitted, Depends(needs(Action.STATE))]
MayBreakGlass = Annotated[Admitted, Depends(needs(Action.BREAK_GLASS))]
MayCancel = Annotated[Admitted, Depends(needs(Action.CANCEL))]
MayClassify = Annotated[Admitted, Depends(needs(Action.CLASSIFY))]
MayComment = Annotated[Admitted, Depends(needs(Action.COMMENT))]
MayEnter = Annotated[Admitted, Depends(needs(Action.ENTER))]
MayExport = Annotated[Admitted, Depends(needs(Action.EXPORT))]
MayFetchResults = Annotated[Admitted, Depends(needs(Action.RESULTS))]
MayList = Annotated[Admitted, Depends(needs(Action.LIST))]
MayReadDraft = Annotated[Admitted, Depends(needs(Action.DRAFT))]
MayReadReport = Annotated[Admitted, Depends(needs(Action.REPORT))]
MayRetry = Annotated[Admitted, Depends(needs(Action.RETRY))]
MayReview = Annotated[Admitted, Depends(needs(Action.REVIEW))]
MaySeeAudit = Annotated[Admitted, Depends(needs(Action.AUDIT))]
MaySeeCase = Annotated[Admitted, Depends(needs(Action.CASE))]
MaySeeDashboards = Annotated[Admitted, Depends(needs(Action.DASHBOARDS))]
MaySeeDeliveries = Annotated[Admitted, Depends(needs(Action.DELIVERIES))]
MaySeeFindings = Annotated[Admitted, Depends(needs(Action.FINDINGS))]
MaySeeIdentity = Annotated[Admitted, Depends(needs(Action.IDENTITY))]
MaySeeInbox = Annotated[Admitted, Depends(needs(Action.INBOX))]
MaySeeReads = Annotated[Admitted, Depends(needs(Action.READS))]
MaySeeRights = Annotated[Admitted, Depends(needs(Action.RIGHTS))]
MaySign = Annotated[Admitted, Depends(needs(Action.SIGN))]
MayUseService = Annotated[Admitted, Depends(needs(Action.SERVICE))]
