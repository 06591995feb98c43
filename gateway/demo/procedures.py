"""The tutor's 62 tRPC procedures as a table: kind, access, alias and the fields an input must have.

A row reads ``name kind access field…``; kind is ``query`` or ``mutation``, access ``public`` or ``token``, and
``=name`` makes the row an alias. A field reads ``name:type`` with an optional range of lengths or values,
``name?:type`` when it may be left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_ROWS = """
example.hi mutation public name:string
auth.login mutation public email:email..254 password:string1.. rememberMe?:boolean
auth.signin mutation public =auth.login
auth.signup mutation public email:email..254 password:string8..128 displayName:string2..40 acceptedTerms:boolean name:string2..50
auth.signout mutation token
auth.logout mutation token =auth.signout
auth.refreshToken mutation public refreshToken:string1..
auth.verifyEmail mutation public email:email..254 otp:string6..6 code:string
auth.resetPassword mutation public email:email code:string password:string8..
auth.requestPasswordReset mutation public email:email..254
auth.deleteAccount mutation token password:string1.. confirmation:string
auth.getCurrentUser query token
auth.updateProfile mutation token displayName?:string2..40 bio?:string0..280 dailyGoal?:number5..120
auth.changePassword mutation token currentPassword:string1.. newPassword:string8..128 confirmPassword:string
user.get query token
user.getProfile query token =user.get
user.update mutation token name?:string email?:email dailyGoalMinutes?:number5..120 settings?:record
user.updateSettings mutation token =user.update
user.completeOnboarding mutation token nativeLanguage:string selectedLanguage:string proficiencyLevel:string learningGoals:list interests:list preferredTopics:list dailyGoalMinutes:number5..120
user.updateStats mutation token totalChats?:number streakDays?:number xpPoints?:number
user.upgradeToPremium mutation token
user.canSendMessage query token
user.incrementMessageCount mutation token
lessons.getAll query public language?:string type?:string difficulty?:string
lessons.getById query public id:string
lessons.getUserProgress query token language?:string
lessons.updateProgress mutation token lessonId:string subModuleId:string completed:boolean score?:number0..100
lessons.getRecommended query token language:string limit?:number1..10
lessons.getDailyChallenge query token date?:string
lessons.generate mutation token language?:string topic?:string itemCount?:number3..20
lessons.submit mutation token lessonId:string answers:list timeSpent?:number0..
chat.getHistory query token limit?:number1..100 offset?:number0..
chat.sendMessage mutation token message:string1..1000 language:string context?:string
chat.translate mutation public text:string1..1000 fromLanguage:string toLanguage:string
chat.getConversationStarters query public language:string level?:string topic?:string
chat.analyzePronunciation mutation token audioData:string targetText:string language:string
analytics.trackEvent mutation token event:string properties?:record timestamp?:string
analytics.track mutation token =analytics.trackEvent
analytics.getLearningAnalytics query token timeframe?:string language?:string
analytics.getLeaderboard query public type?:string timeframe?:string limit?:number1..100
analytics.getRecommendations query token language:string limit?:number1..10
analytics.generateReport mutation token language:string timeframe?:string
learn.getContent query public targetName:string1.. nativeName:string1..
preferences.get query token
preferences.upsert mutation token profile:record ifMatch?:string
leaderboard.get query public filter?:string sortBy?:string limit?:number1..100 offset?:number0..
leaderboard.getRankings query public =leaderboard.get
leaderboard.searchUsers query public query:string1..100 limit?:number1..50
leaderboard.getUserStats query token userId:string
leaderboard.compareUsers query public userId1:string userId2:string
leaderboard.getGlobalStats query public
dialogue.getTopics query public
dialogue.getScenes query public topicId:uuid
dialogue.startSession mutation public sceneId:uuid difficulty:string
dialogue.submitTurn mutation public sessionId:uuid text:string1.. meta?:record
dialogue.endSession mutation public sessionId:uuid
dialogue.getTranscript query public sessionId:uuid
dialogue.scoreSemantic mutation public text:string1.. goal:string lang:string
tutorData.fetch mutation public url:url options?:record
tutorData.fetchMultiple mutation public urls:list1..10 options?:record
tutorData.clearCache mutation public url?:url
tutorData.getCacheStats query public
"""

_FIELD = re.compile(r"(?P<name>\w+)(?P<optional>\?)?:(?P<type>[a-z]+)(?P<range>(?P<low>\d*)\.\.(?P<high>\d*))?")
_SHAPES: dict[str, re.Pattern[str]] = {
    "email": re.compile(r"[\w.+'-]+@[\w-]+(\.[\w-]+)+"),
    "url": re.compile(r"[a-z][a-z0-9+.-]*:.+", re.I),
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I),
}
_TYPES: dict[str, type] = {
    "string": str, "email": str, "url": str, "uuid": str, "boolean": bool, "number": float, "list": list, "record": dict,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an input: its type, and the least and greatest length or value."""

    name: str
    type: str
    optional: bool
    low: float
    high: float

    def problem(self, value: Any) -> str:
        """Why the value is refused, empty when it is taken."""
        expected = f"Invalid input: expected {self.type}"
        if self.type == "number":
            return self._outside(value) if isinstance(value, int | float) and not isinstance(value, bool) else expected
        if not isinstance(value, _TYPES[self.type]):
            return expected
        if isinstance(value, str) and self.type in _SHAPES and not _SHAPES[self.type].fullmatch(value):
            return f"Invalid {self.type}"
        return self._outside(len(value)) if isinstance(value, str | list) else ""

    def _outside(self, size: float) -> str:
        return "" if self.low <= size <= self.high else "Too small" if size < self.low else "Too big"


@dataclass(frozen=True, slots=True)
class Procedure:
    """One row of the table. ``name`` is the name behind an alias, so that both spellings count as one procedure."""

    name: str
    kind: str
    public: bool
    fields: tuple[Field, ...]

    def problems(self, given: Any) -> dict[str, list[str]]:
        """What is wrong with an input, by field; an empty dict when nothing is."""
        if not self.fields:
            return {}
        values: Mapping[str, Any] = given if isinstance(given, dict) else {}
        found = {}
        for field in self.fields:
            value = values.get(field.name)
            if value is None:
                sentence = "" if field.optional else f"Invalid input: expected {field.type}, received undefined"
            else:
                sentence = field.problem(value)
            if sentence:
                found[field.name] = [sentence]
        return found


def _field(text: str) -> Field:
    found = _FIELD.fullmatch(text)
    if found is None or found["type"] not in _TYPES:
        raise ValueError(f"not a field: {text}")
    low = float(found["low"]) if found["low"] else 0.0
    high = float(found["high"]) if found["high"] else float("inf")
    return Field(found["name"], found["type"], bool(found["optional"]), low, high)


def _table() -> dict[str, Procedure]:
    table: dict[str, Procedure] = {}
    for row in _ROWS.strip().splitlines():
        name, kind, access, *rest = row.split()
        if rest and rest[0].startswith("="):
            table[name] = table[rest[0][1:]]
        else:
            table[name] = Procedure(name, kind, access == "public", tuple(map(_field, rest)))
    return table


PROCEDURES: dict[str, Procedure] = _table()
