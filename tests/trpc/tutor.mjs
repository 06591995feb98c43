// The tutor backend's whole router: its 62 procedures with the inputs they take, on the real @trpc/server and zod. Every
// procedure answers with the input as it has read it, so that a test sees what reached it.
//
// Importing this file starts nothing: scripts/inputs.mjs writes policies/inputs from `appRouter`, and tutor_server.mjs serves
// it. Where every field of an input may be left out, so may the input itself.
import { initTRPC } from "@trpc/server";
import superjson from "superjson";
import { z } from "zod";

const t = initTRPC.context().create({
  transformer: superjson,
  isDev: false,
  errorFormatter: ({ shape, error }) => ({
    ...shape,
    data: { ...shape.data, zodError: error.cause instanceof z.ZodError ? z.flattenError(error.cause) : null },
  }),
});

const echo = ({ input }) => ({ input: input ?? null });
const input = (shape) => {
  const whole = z.object(shape);
  return t.procedure.input(Object.values(shape).every((field) => field.safeParse(undefined).success) ? whole.optional() : whole);
};
const query = (shape) => (shape ? input(shape) : t.procedure).query(echo);
const mutation = (shape) => (shape ? input(shape) : t.procedure).mutation(echo);

const text = z.string();
const texts = z.array(text);
const number = z.number();
const boolean = z.boolean();
const email = z.email().max(254);
const locale = text.regex(/^[a-z]{2,3}(-[A-Z]{2})?$/);
const level = z.enum(["beginner", "intermediate", "advanced"]);
const difficulty = z.enum(["beginner", "intermediate", "advanced", "expert"]);
const minutes = number.min(5).max(120);
const record = z.record(text, z.unknown());
const between = (low, high) => text.min(low).max(high);
const upTo = (most, usual) => number.min(1).max(most).default(usual);
const newPassword = between(8, 128)
  .regex(/[A-Z]/, "Password must contain an uppercase letter")
  .regex(/[a-z]/, "Password must contain a lowercase letter")
  .regex(/[0-9]/, "Password must contain a digit")
  .regex(/[^A-Za-z0-9]/, "Password must contain a special character");

const login = mutation({
  email,
  password: text.min(1),
  rememberMe: boolean.default(false),
  deviceFingerprint: text.optional(),
  captchaToken: text.optional(),
});
const signout = mutation();
const auth = {
  login,
  signin: login,
  signup: mutation({
    email,
    password: newPassword,
    displayName: between(2, 40),
    locale: locale.optional(),
    acceptedTerms: z.literal(true),
    name: between(2, 50),
    deviceFingerprint: text.optional(),
  }),
  signout,
  logout: signout,
  refreshToken: mutation({ refreshToken: text.min(1) }),
  verifyEmail: mutation({ email, otp: text.length(6).regex(/^\d{6}$/), code: text }),
  resetPassword: mutation({ email: z.email(), code: text, password: text.min(8) }),
  requestPasswordReset: mutation({ email }),
  deleteAccount: mutation({ password: text.min(1), confirmation: z.literal("DELETE") }),
  getCurrentUser: query(),
  updateProfile: mutation({
    displayName: between(2, 40).optional(),
    bio: between(0, 280).optional(),
    avatar: z
      .object({
        uri: z.url(),
        mimeType: z.enum(["image/jpeg", "image/png", "image/webp", "image/gif"]),
        sizeBytes: number.max(5_000_000),
        name: between(1, 255),
      })
      .optional(),
    name: text.min(2).optional(),
    email: z.email().optional(),
    nativeLanguage: text.optional(),
    targetLanguage: text.optional(),
    proficiencyLevel: level.optional(),
    dailyGoal: minutes.optional(),
  }),
  changePassword: mutation({ currentPassword: text.min(1), newPassword: between(8, 128), confirmPassword: text }),
};

const getUser = query();
const updateUser = mutation({
  name: text.optional(),
  email: z.email().optional(),
  nativeLanguage: text.optional(),
  selectedLanguage: text.optional(),
  proficiencyLevel: level.optional(),
  learningGoals: texts.optional(),
  interests: texts.optional(),
  preferredTopics: texts.optional(),
  dailyGoalMinutes: minutes.optional(),
  settings: z
    .object({
      darkMode: boolean.optional(),
      soundEnabled: boolean.optional(),
      notificationsEnabled: boolean.optional(),
      hapticsEnabled: boolean.optional(),
      autoPlayAudio: boolean.optional(),
      reminderTime: text.optional(),
    })
    .optional(),
});
const user = {
  get: getUser,
  getProfile: getUser,
  update: updateUser,
  updateSettings: updateUser,
  completeOnboarding: mutation({
    nativeLanguage: text,
    selectedLanguage: text,
    proficiencyLevel: level,
    learningGoals: texts,
    interests: texts,
    preferredTopics: texts,
    dailyGoalMinutes: minutes,
    name: text.optional(),
  }),
  updateStats: mutation({
    totalChats: number.optional(),
    streakDays: number.optional(),
    wordsLearned: number.optional(),
    xpPoints: number.optional(),
    messagesUsedToday: number.optional(),
  }),
  upgradeToPremium: mutation(),
  canSendMessage: query(),
  incrementMessageCount: mutation(),
};

const lessons = {
  getAll: query({ language: text.optional(), type: text.optional(), difficulty: difficulty.optional() }),
  getById: query({ id: text }),
  getUserProgress: query({ language: text.optional() }),
  updateProgress: mutation({
    lessonId: text,
    subModuleId: text,
    completed: boolean,
    score: number.min(0).max(100).optional(),
    timeSpent: number.min(0).optional(),
    xpEarned: number.min(0).optional(),
  }),
  getRecommended: query({ language: text, limit: upTo(10, 5) }),
  getDailyChallenge: query({ date: text.optional() }),
  generate: mutation({
    language: text.default("es"),
    topic: text.default("phonics"),
    difficulty: difficulty.optional(),
    itemCount: number.min(3).max(20).default(8),
  }),
  submit: mutation({
    lessonId: text,
    answers: z.array(z.object({ id: text, correct: boolean })),
    timeSpent: number.min(0).default(0),
  }),
};

const chat = {
  getHistory: query({ limit: upTo(100, 50), offset: number.min(0).default(0) }),
  sendMessage: mutation({ message: between(1, 1000), language: text, context: text.optional() }),
  translate: mutation({ text: between(1, 1000), fromLanguage: text, toLanguage: text }),
  getConversationStarters: query({ language: text, level: level.optional(), topic: text.optional() }),
  analyzePronunciation: mutation({ audioData: text, targetText: text, language: text }),
};

const trackEvent = mutation({ event: text, properties: record.optional(), timestamp: text.optional() });
const analytics = {
  trackEvent,
  track: trackEvent,
  getLearningAnalytics: query({ timeframe: z.enum(["week", "month", "year"]).optional(), language: text.optional() }),
  getLeaderboard: query({
    type: z.enum(["xp", "streak", "lessons"]).optional(),
    timeframe: z.enum(["week", "month", "all"]).optional(),
    limit: upTo(100, 10),
  }),
  getRecommendations: query({ language: text, limit: upTo(10, 5) }),
  generateReport: mutation({ language: text, timeframe: z.enum(["week", "month"]).optional() }),
};

const preferences = {
  get: query(),
  upsert: mutation({
    profile: z.object({
      version: z.literal(1),
      personas: texts,
      srs: z.object({
        newPerDay: number.min(5).max(50),
        reviewCap: number.min(20).max(300),
        easeAdjPct: number.min(-20).max(20),
      }),
      lessonPlan: z.object({
        microLessonMins: number.min(3).max(15),
        composition: z.object({
          speaking: number,
          grammar: number,
          vocab: number,
          listening: number,
          reading: number,
          writing: number,
        }),
      }),
      speech: z.object({
        ttsVoice: text,
        rate: number.min(0.7).max(1.4).default(1),
        pitch: number.min(0.8).max(1.2).default(1),
        asrStrictness: z.enum(["lenient", "balanced", "strict"]).optional(),
      }),
      notifications: z.object({ enabled: boolean.default(true), hourLocal: z.int().min(0).max(23).default(19) }),
      accessibility: z.object({
        theme: z.enum(["system", "light", "dark"]).optional(),
        fontScale: number.min(1).max(1.6).default(1),
        highContrast: boolean.default(false),
        reducedMotion: boolean.default(false),
      }),
      script: z.enum(["gurmukhi", "shahmukhi", "latin"]).optional(),
      dialect: text.optional(),
    }),
    ifMatch: text.nullable().optional(),
  }),
};

const getLeaderboard = query({
  filter: z.enum(["all", "weekly", "monthly", "friends"]).optional(),
  sortBy: z.enum(["xp", "streak", "lessons", "languages"]).optional(),
  limit: upTo(100, 50),
  offset: number.min(0).default(0),
});
const leaderboard = {
  get: getLeaderboard,
  getRankings: getLeaderboard,
  searchUsers: query({ query: between(1, 100), limit: upTo(50, 20) }),
  getUserStats: query({ userId: text }),
  compareUsers: query({ userId1: text, userId2: text }),
  getGlobalStats: query(),
};

const session = { sessionId: z.uuid() };
const dialogue = {
  getTopics: query(),
  getScenes: query({ topicId: z.uuid() }),
  startSession: mutation({ sceneId: z.uuid(), difficulty: level }),
  submitTurn: mutation({ ...session, text: text.min(1), meta: record.optional() }),
  endSession: mutation(session),
  getTranscript: query(session),
  scoreSemantic: mutation({ text: text.min(1), goal: text, lang: text }),
};

const fetching = {
  useCache: boolean.default(true),
  timeout: number.min(1000).max(120_000).default(30_000),
  validate: boolean.default(true),
};
const tutorData = {
  fetch: mutation({ url: z.url(), options: z.object(fetching).optional() }),
  fetchMultiple: mutation({
    urls: z.array(z.url()).min(1).max(10),
    options: z.object({ ...fetching, concurrency: number.min(1).max(5).default(3) }).optional(),
  }),
  clearCache: mutation({ url: z.url().optional() }),
  getCacheStats: query(),
};

export const appRouter = t.router({
  example: { hi: mutation({ name: text }) },
  auth,
  user,
  lessons,
  chat,
  analytics,
  learn: { getContent: query({ targetName: text.min(1), nativeName: text.min(1) }) },
  preferences,
  leaderboard,
  dialogue,
  tutorData,
});
