"""Of each of the tutor's 62 procedures an input that its backend takes, and one that it refuses, with the form field that the
refusal is shown at."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

NOTHING = {"json": None, "meta": {"values": ["undefined"]}}
SESSION = "123e4567-e89b-42d3-a456-426614174000"
SIGN_UP = {
    "email": "ada@example.com", "password": "Correct-horse-1", "displayName": "Ada", "locale": "pa-IN", "acceptedTerms": True,
    "name": "Ada Lovelace", "deviceFingerprint": "d-1",
}  # fmt: skip
ONBOARDING = {
    "nativeLanguage": "en", "selectedLanguage": "pa", "proficiencyLevel": "beginner", "learningGoals": ["travel"],
    "interests": [], "preferredTopics": ["food"], "dailyGoalMinutes": 15,
}  # fmt: skip
PREFERENCES = {
    "profile": {
        "version": 1,
        "personas": ["traveller"],
        "srs": {"newPerDay": 10, "reviewCap": 100, "easeAdjPct": -5},
        "lessonPlan": {
            "microLessonMins": 5,
            "composition": {"speaking": 3, "grammar": 1, "vocab": 2, "listening": 2, "reading": 1, "writing": 0.5},
        },
        "speech": {"ttsVoice": "noor", "rate": 1.1, "asrStrictness": "balanced"},
        "notifications": {"hourLocal": 0},
        "accessibility": {"theme": "dark", "fontScale": 1.6},
        "script": "gurmukhi",
    },
    "ifMatch": None,
}


class Case(NamedTuple):
    good: Any
    bad: Any
    field: str
    """The first segment of where the bad one is wrong; empty for the form as a whole."""


def _case(good: dict[str, Any], field: str, value: Any) -> Case:
    """``value`` at ``field``, a dotted path, is what is wrong with the bad one; None takes the field away."""
    bad = copy.deepcopy(good)
    *path, last = field.split(".")
    at = bad
    for step in path:
        at = at.setdefault(step, {})
    if value is None:
        del at[last]
    else:
        at[last] = value
    return Case({"json": good}, {"json": bad}, field.split(".")[0])


WITHOUT_INPUT = Case(NOTHING, {"json": {"extra": 1}}, "")
"""The backend leaves unread what is sent to a procedure without an input; the gateway refuses it."""

_LOGIN = _case({"email": "ada@example.com", "password": "p", "rememberMe": True}, "email", "ada")
_GET_LEADERBOARD = _case({"filter": "weekly", "sortBy": "xp", "limit": 100, "offset": 0}, "limit", 101)
_UPDATE = _case({"name": "Ada", "settings": {"darkMode": True, "reminderTime": "19:00"}}, "settings.darkMode", "yes")
_TRACK = _case({"event": "lesson_opened", "properties": {"id": 5, "from": None}}, "properties", ["x"])
_SESSION_ONLY = _case({"sessionId": SESSION}, "sessionId", "5")

CASES: dict[str, Case] = {
    "example.hi": _case({"name": "Ada"}, "name", 5),
    "auth.login": _LOGIN,
    "auth.signin": _LOGIN,
    "auth.signup": _case(SIGN_UP, "password", "correct-horse-1"),
    "auth.signout": WITHOUT_INPUT,
    "auth.logout": WITHOUT_INPUT,
    "auth.refreshToken": _case({"refreshToken": "t"}, "refreshToken", ""),
    "auth.verifyEmail": _case({"email": "ada@example.com", "otp": "012345", "code": "x"}, "otp", "01234x"),
    "auth.resetPassword": _case({"email": "ada@example.com", "code": "c", "password": "12345678"}, "password", "1234567"),
    "auth.requestPasswordReset": _case({"email": "ada@example.com"}, "email", f"{'a' * 243}@example.com"),
    "auth.deleteAccount": _case({"password": "p", "confirmation": "DELETE"}, "confirmation", "delete"),
    "auth.getCurrentUser": WITHOUT_INPUT,
    "auth.updateProfile": _case(
        {
            "bio": "",
            "dailyGoal": 120,
            "avatar": {"uri": "file:///a.png", "mimeType": "image/png", "sizeBytes": 5_000_000, "name": "a.png"},
        },
        "avatar.mimeType",
        "image/svg+xml",
    ),
    "auth.changePassword": _case(
        {"currentPassword": "p", "newPassword": "12345678", "confirmPassword": "12345678"}, "newPassword", "x" * 129
    ),
    "user.get": WITHOUT_INPUT,
    "user.getProfile": WITHOUT_INPUT,
    "user.update": _UPDATE,
    "user.updateSettings": _UPDATE,
    "user.completeOnboarding": _case(ONBOARDING, "learningGoals", "travel"),
    "user.updateStats": _case({"xpPoints": -1.5, "streakDays": 3}, "xpPoints", "100"),
    "user.upgradeToPremium": WITHOUT_INPUT,
    "user.canSendMessage": WITHOUT_INPUT,
    "user.incrementMessageCount": WITHOUT_INPUT,
    "lessons.getAll": _case({"language": "pa", "difficulty": "expert"}, "difficulty", "hard"),
    "lessons.getById": _case({"id": "es-1"}, "id", None),
    "lessons.getUserProgress": _case({"language": "pa"}, "language", 5),
    "lessons.updateProgress": _case(
        {"lessonId": "es-1", "subModuleId": "s", "completed": False, "score": 100, "timeSpent": 0}, "score", 100.5
    ),
    "lessons.getRecommended": _case({"language": "pa", "limit": 1}, "limit", 0),
    "lessons.getDailyChallenge": _case({"date": "2026-01-02"}, "date", 20260102),
    "lessons.generate": _case({"topic": "greetings", "itemCount": 20}, "itemCount", 21),
    "lessons.submit": _case(
        {"lessonId": "es-1", "answers": [{"id": "1", "correct": True}, {"id": "2", "correct": False}]}, "answers", [{"id": "1"}]
    ),
    "chat.getHistory": _case({"limit": 50, "offset": 10}, "offset", -1),
    "chat.sendMessage": _case({"message": "ਸਤ ਸ੍ਰੀ ਅਕਾਲ", "language": "pa"}, "message", "x" * 1001),
    "chat.translate": _case({"text": "hola", "fromLanguage": "es", "toLanguage": "en"}, "text", ""),
    "chat.getConversationStarters": _case({"language": "es", "level": "advanced"}, "level", "expert"),
    "chat.analyzePronunciation": _case({"audioData": "UklGRg==", "targetText": "hola", "language": "es"}, "targetText", None),
    "analytics.trackEvent": _TRACK,
    "analytics.track": _TRACK,
    "analytics.getLearningAnalytics": _case({"timeframe": "year"}, "timeframe", "all"),
    "analytics.getLeaderboard": _case({"type": "lessons", "timeframe": "all", "limit": 1}, "type", "languages"),
    "analytics.getRecommendations": _case({"language": "pa"}, "language", None),
    "analytics.generateReport": _case({"language": "pa", "timeframe": "month"}, "timeframe", "year"),
    "learn.getContent": _case({"targetName": "Punjabi", "nativeName": "English"}, "nativeName", ""),
    "preferences.get": WITHOUT_INPUT,
    "preferences.upsert": _case(PREFERENCES, "profile.notifications.hourLocal", 9.5),
    "leaderboard.get": _GET_LEADERBOARD,
    "leaderboard.getRankings": _GET_LEADERBOARD,
    "leaderboard.searchUsers": _case({"query": "ada", "limit": 50}, "query", "x" * 101),
    "leaderboard.getUserStats": _case({"userId": "u-1"}, "userId", None),
    "leaderboard.compareUsers": _case({"userId1": "u-1", "userId2": "u-2"}, "userId2", ["u-2"]),
    "leaderboard.getGlobalStats": WITHOUT_INPUT,
    "dialogue.getTopics": WITHOUT_INPUT,
    "dialogue.getScenes": _case({"topicId": SESSION}, "topicId", "not-a-uuid"),
    "dialogue.startSession": _case({"sceneId": SESSION, "difficulty": "beginner"}, "difficulty", "expert"),
    "dialogue.submitTurn": _case({"sessionId": SESSION, "text": "hola", "meta": {"ms": 900}}, "meta", "fast"),
    "dialogue.endSession": _SESSION_ONLY,
    "dialogue.getTranscript": _SESSION_ONLY,
    "dialogue.scoreSemantic": _case({"text": "hola", "goal": "greet", "lang": "es"}, "goal", 5),
    "tutorData.fetch": _case({"url": "https://example.com", "options": {"timeout": 1000}}, "options.timeout", 999),
    "tutorData.fetchMultiple": _case({"urls": ["https://example.com"], "options": {"concurrency": 5}}, "urls", []),
    "tutorData.clearCache": _case({"url": "https://example.com"}, "url", "example"),
    "tutorData.getCacheStats": WITHOUT_INPUT,
}  # fmt: skip
