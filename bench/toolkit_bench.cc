// SPDX-License-Identifier: BSD-3-Clause
// The toolkit's typed cache beside a plain loop of GET and SET with hiredis, one part a call:
//
//   toolkit_bench PART --uri URI [--seconds S]
//
//   hits, hiredis-hits            one caller, a key that is there: time and CPU of a call
//   coroutines, hiredis-pipeline  64 at a time: calls a second, CPU of each
//   get-coroutines                the same by the client alone, a plain GET
//   stampede, hiredis-stampede    1,000 callers of a key that nobody has: how often it is loaded
//   expiry, hiredis-expiry        64 callers, whose key expires ten times a second: their p99
//   near-hits                     a hit in a near cache
//   staleness                     from an invalidation's answer to the last old value of another
//                                 process's near cache
//
// Prints lines "figure value". hiredis speaks to redis:// only.
#include <hiredis/hiredis.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/text.h"
#include "base/thread.h"
#include "bench/measure.h"
#include "cairn/cache.h"

namespace {

using namespace cairn::cache;
using namespace std::chrono_literals;
using cairn::Thread;
using cairn::bench::ClockNs;
using cairn::bench::WallNs;

constexpr std::size_t kCoroutines = 64;
constexpr std::size_t kCallers = 1000;
constexpr std::size_t kProcesses = 4;  // stores of their own, among which the callers are spread
constexpr Millis kLoad{50};            // what a load takes
constexpr Millis kExpiry{100};
constexpr std::size_t kValueBytes = 64;

using Text = std::string;
using BenchKey = Key<"bench:*", std::int64_t>;
using Cache = TypedCache<Text, BenchKey>;
using Loaded = Result<std::optional<Text>>;
using Context = LoadContext<Text, BenchKey>;

std::int64_t ProcessNs() { return ClockNs(CLOCK_PROCESS_CPUTIME_ID); }

void Print(const char* figure, double value) { std::printf("%s %.1f\n", figure, value); }

void PrintPercentiles(std::vector<std::int64_t> all) {
  std::ranges::sort(all);
  const auto at = [&](double part) {
    return static_cast<double>(all[static_cast<std::size_t>(part * double(all.size() - 1))]);
  };
  Print("p50_ns", at(0.5));
  Print("p99_ns", at(0.99));
  Print("max_ns", at(1));
}

Store OpenOrDie(std::string_view uri) {
  Result<Store> store = Store::Open(uri);
  if (store) return *std::move(store);
  std::fprintf(stderr, "%s\n", store.error().detail.c_str());
  std::exit(1);
}

[[noreturn]] void Die(std::string_view why) {
  std::fprintf(stderr, "%s\n", std::string(why).c_str());
  std::exit(1);
}

Text Value() { return Text(kValueBytes, 'v'); }

// ---- Hits: one caller --------------------------------------------------------------------------

// Calls `once` for so long; the mean of a loop, and the spread of single calls.
template <class Once>
void MeasureCalls(double seconds, const Once& once) {
  constexpr int kWarm = 1000;
  constexpr std::int64_t kBatch = 512;
  for (int i = 0; i < kWarm; ++i) once();
  const std::int64_t end = WallNs() + static_cast<std::int64_t>(seconds * 1e9);
  std::int64_t calls = 0;
  const std::int64_t cpu = ProcessNs();
  const std::int64_t began = WallNs();
  while (WallNs() < end) {
    for (int i = 0; i < kBatch; ++i) once();
    calls += kBatch;
  }
  Print("mean_ns", static_cast<double>(WallNs() - began) / static_cast<double>(calls));
  Print("cpu_ns", static_cast<double>(ProcessNs() - cpu) / static_cast<double>(calls));
  std::vector<std::int64_t> single(20'000);
  for (std::int64_t& ns : single) {
    const std::int64_t start = WallNs();
    once();
    ns = WallNs() - start;
  }
  PrintPercentiles(std::move(single));
}

void MeasureHits(const Cache& cache, Outcome outcome, double seconds) {
  if (!cache.Put(1, Value())) Die("the value cannot be put");
  MeasureCalls(seconds, [&] {
    const auto entry = cache.GetOrLoad(1, [](Context&) -> Loaded { Die("not a hit"); });
    if (!entry || entry->value->size() != kValueBytes) Die("no value");
  });
  if (cache.Get(1)->outcome != outcome) Die("a hit of another kind");
}

void Hits(std::string_view uri, double seconds) {
  MeasureHits(Cache(OpenOrDie(uri)), Outcome::kHit, seconds);
}

Cache MakeNear(std::string_view uri) {
  const Store store = OpenOrDie(uri);
  return Cache(store, {.policy = {.ttl = 1h}, .near = NearCache::Open(store).value()});
}

void NearHits(std::string_view uri, double seconds) {
  MeasureHits(MakeNear(uri), Outcome::kNearHit, seconds);
}

// ---- hiredis -----------------------------------------------------------------------------------

struct CloseContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using HiredisReply = std::unique_ptr<redisReply, FreeReply>;

int PortOf(std::string_view uri) {
  return static_cast<int>(cairn::ParseInt64(uri.substr(uri.rfind(':') + 1)).value_or(0));
}

// A plain client of "redis://127.0.0.1:PORT".
class Hiredis {
 public:
  explicit Hiredis(std::string_view uri) : context_(redisConnect("127.0.0.1", PortOf(uri))) {
    if (context_ == nullptr || context_->err != 0) Die("hiredis cannot connect");
  }
  bool Get() {
    const HiredisReply reply(static_cast<redisReply*>(redisCommand(context_.get(), "GET bench:1")));
    return reply && reply->type == REDIS_REPLY_STRING;
  }
  void Set(Millis ttl) {
    const Text value = Value();
    const HiredisReply reply(
        static_cast<redisReply*>(redisCommand(context_.get(), "SET bench:1 %b PX %d", value.data(),
                                              value.size(), static_cast<int>(ttl.count()))));
    if (!reply || reply->type == REDIS_REPLY_ERROR) Die("SET failed");
  }
  void Delete() {
    const HiredisReply reply(static_cast<redisReply*>(redisCommand(context_.get(), "DEL bench:1")));
    if (!reply || reply->type != REDIS_REPLY_INTEGER) Die("DEL failed");
  }
  // So many GETs at once.
  void Pipeline(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) redisAppendCommand(context_.get(), "GET bench:1");
    for (std::size_t i = 0; i < count; ++i) {
      void* reply = nullptr;
      if (redisGetReply(context_.get(), &reply) != REDIS_OK) Die("the connection is lost");
      freeReplyObject(reply);
    }
  }

 private:
  std::unique_ptr<redisContext, CloseContext> context_;
};

void HiredisHits(std::string_view uri, double seconds) {
  Hiredis client(uri);
  client.Set(1h);
  MeasureCalls(seconds, [&] {
    if (!client.Get()) Die("no value");
  });
}

// ---- Many at a time ----------------------------------------------------------------------------

Task<void> CallUntil(const Cache* cache, std::int64_t end, std::atomic<std::int64_t>* calls,
                     std::latch* done) {
  std::int64_t made = 0;
  while (made % kCoroutines != 0 || WallNs() < end) {
    const auto entry = co_await cache->CoGetOrLoad(1, [](Context&) -> Loaded { return Value(); });
    if (!entry) Die(entry.error().detail);
    ++made;
  }
  *calls += made;
  done->count_down();
}

Task<void> GetUntil(Client* client, std::int64_t end, std::atomic<std::int64_t>* calls,
                    std::latch* done) {
  std::int64_t made = 0;
  while (made % kCoroutines != 0 || WallNs() < end) {
    const Result<Reply> value = co_await client->CoCall(Command("GET", "bench:1"));
    if (!value || value->text().size() != kValueBytes) Die("no value");
    ++made;
  }
  *calls += made;
  done->count_down();
}

void PrintRate(std::int64_t calls, std::int64_t wall_ns, std::int64_t cpu_ns) {
  Print("calls_per_second", static_cast<double>(calls) * 1e9 / static_cast<double>(wall_ns));
  Print("cpu_ns", static_cast<double>(cpu_ns) / static_cast<double>(calls));
}

// `call_until`: a coroutine that calls until a time.
template <class CallUntil>
void MeasureCoroutines(double seconds, const CallUntil& call_until) {
  std::latch done(kCoroutines);
  std::atomic<std::int64_t> calls{0};
  const std::int64_t cpu = ProcessNs();
  const std::int64_t began = WallNs();
  const std::int64_t end = began + static_cast<std::int64_t>(seconds * 1e9);
  for (std::size_t i = 0; i < kCoroutines; ++i) Detach(call_until(end, &calls, &done));
  done.wait();
  PrintRate(calls, WallNs() - began, ProcessNs() - cpu);
}

void Coroutines(std::string_view uri, double seconds) {
  const Cache cache(OpenOrDie(uri));
  if (!cache.Put(1, Value())) Die("the value cannot be put");
  MeasureCoroutines(seconds, [&](std::int64_t end, auto* calls, std::latch* done) {
    return CallUntil(&cache, end, calls, done);
  });
}

void GetCoroutines(std::string_view uri, double seconds) {
  const Store store = OpenOrDie(uri);
  if (!store.client().Call(Command("SET", "bench:1", Value()))) Die("the value cannot be set");
  MeasureCoroutines(seconds, [&](std::int64_t end, auto* calls, std::latch* done) {
    return GetUntil(&store.client(), end, calls, done);
  });
}

void HiredisPipeline(std::string_view uri, double seconds) {
  Hiredis client(uri);
  client.Set(1h);
  const std::int64_t cpu = ProcessNs();
  const std::int64_t began = WallNs();
  const std::int64_t end = began + static_cast<std::int64_t>(seconds * 1e9);
  std::int64_t calls = 0;
  for (; WallNs() < end; calls += kCoroutines) client.Pipeline(kCoroutines);
  PrintRate(calls, WallNs() - began, ProcessNs() - cpu);
}

// ---- A stampede --------------------------------------------------------------------------------

Task<void> CallOnce(const Cache* cache, Scheduler* scheduler, std::atomic<std::int64_t>* loads,
                    std::int64_t* ns, std::latch* done) {
  const auto loader = [scheduler, loads](Context&) -> Task<Loaded> {
    *loads += 1;
    co_await Sleep(*scheduler, kLoad);
    co_return Value();
  };
  const std::int64_t began = WallNs();
  const auto entry = co_await cache->CoGetOrLoad(1, loader);
  if (!entry) Die(entry.error().detail);
  *ns = WallNs() - began;
  done->count_down();
}

void Stampede(std::string_view uri, double /*seconds*/) {
  std::vector<Store> stores;
  std::vector<Cache> caches;
  // Within the process they are one store.
  const std::size_t processes = uri.starts_with("embedded") ? 1 : kProcesses;
  for (std::size_t i = 0; i < processes; ++i) {
    stores.push_back(OpenOrDie(uri));
    caches.emplace_back(stores.back());
  }
  if (!caches[0].Invalidate(1)) Die("cannot be invalidated");
  std::atomic<std::int64_t> loads{0};
  std::latch done(kCallers);
  std::vector<std::int64_t> spent(kCallers);
  for (std::size_t i = 0; i < kCallers; ++i) {
    Detach(CallOnce(&caches[i % processes], &stores[i % processes].scheduler(), &loads, &spent[i],
                    &done));
  }
  done.wait();
  Print("loads", static_cast<double>(loads));
  PrintPercentiles(std::move(spent));
}

void HiredisStampede(std::string_view uri, double /*seconds*/) {
  std::vector<std::unique_ptr<Hiredis>> clients;
  for (std::size_t i = 0; i < kCallers; ++i) clients.push_back(std::make_unique<Hiredis>(uri));
  clients[0]->Delete();
  std::atomic<std::int64_t> loads{0};
  std::vector<std::int64_t> spent(kCallers);
  std::vector<Thread> threads;
  std::latch start(1);
  for (std::size_t i = 0; i < kCallers; ++i) {
    threads.emplace_back("caller", [&, i] {
      start.wait();
      const std::int64_t began = WallNs();
      if (!clients[i]->Get()) {
        loads += 1;
        cairn::Event().WaitFor(kLoad.count() * 1000);
        clients[i]->Set(1h);
      }
      spent[i] = WallNs() - began;
    });
  }
  start.count_down();
  for (Thread& thread : threads) thread.Join();
  Print("loads", static_cast<double>(loads));
  PrintPercentiles(std::move(spent));
}

// ---- A hot key that expires --------------------------------------------------------------------

Task<void> ReadUntil(const Cache* cache, Scheduler* scheduler, std::int64_t end,
                     std::vector<std::int64_t>* spent, std::latch* done) {
  const auto loader = [scheduler](Context&) -> Task<Loaded> {
    co_await Sleep(*scheduler, kLoad);
    co_return Value();
  };
  while (WallNs() < end) {
    const std::int64_t began = WallNs();
    const auto entry = co_await cache->CoGetOrLoad(1, loader);
    if (!entry) Die(entry.error().detail);
    spent->push_back(WallNs() - began);
    co_await Sleep(*scheduler, 1ms);
  }
  done->count_down();
}

// Of 64 readers' times together.
void PrintAll(const std::vector<std::vector<std::int64_t>>& spent) {
  std::vector<std::int64_t> all;
  for (const auto& one : spent) all.insert(all.end(), one.begin(), one.end());
  Print("calls", static_cast<double>(all.size()));
  PrintPercentiles(std::move(all));
}

void Expiry(std::string_view uri, double seconds) {
  const Store store = OpenOrDie(uri);
  const std::unique_ptr<Scheduler> background = MakeThreadScheduler();
  const Cache cache(store,
                    {.policy = {.ttl = kExpiry, .stale_for = 10s}, .executor = background.get()});
  if (!cache.Put(1, Value())) Die("the value cannot be put");
  std::latch done(kCoroutines);
  std::vector<std::vector<std::int64_t>> spent(kCoroutines);
  const std::int64_t end = WallNs() + static_cast<std::int64_t>(seconds * 1e9);
  for (auto& one : spent) Detach(ReadUntil(&cache, &store.scheduler(), end, &one, &done));
  done.wait();
  PrintAll(spent);
}

void HiredisExpiry(std::string_view uri, double seconds) {
  std::vector<std::vector<std::int64_t>> spent(kCoroutines);
  std::vector<Thread> threads;
  const std::int64_t end = WallNs() + static_cast<std::int64_t>(seconds * 1e9);
  for (auto& one : spent) {
    threads.emplace_back("reader", [&one, uri, end] {
      Hiredis client(uri);
      cairn::Event never;
      while (WallNs() < end) {
        const std::int64_t began = WallNs();
        if (!client.Get()) {
          never.WaitFor(kLoad.count() * 1000);
          client.Set(kExpiry);
        }
        one.push_back(WallNs() - began);
        never.WaitFor(1000);
      }
    });
  }
  for (Thread& thread : threads) thread.Join();
  PrintAll(spent);
}

// ---- Staleness ---------------------------------------------------------------------------------

// The reader asks as fast as it can.
void Staleness(std::string_view uri, double /*seconds*/) {
  constexpr Version kRounds = 2000;
  const Cache writer(OpenOrDie(uri));
  const Cache reader = MakeNear(uri);
  std::atomic<std::int64_t> invalidated_ns{0};
  std::atomic<Version> version{1};  // of the database's row
  const auto load = [&](Context& context) -> Loaded {
    context.version = version;
    return Value();
  };
  std::vector<std::int64_t> stale;
  std::atomic<Version> seen{0};
  Thread thread("reader", [&] {
    while (seen < kRounds) seen = reader.GetOrLoad(1, load).value().version;
  });
  for (Version next = 1; next <= kRounds; ++next) {
    while (seen < next) Thread::Yield();
    if (next == kRounds) break;
    version = next + 1;
    if (!writer.Invalidate(1, next + 1)) Die("cannot be invalidated");
    invalidated_ns = WallNs();
    while (seen == next) Thread::Yield();
    stale.push_back(std::max<std::int64_t>(WallNs() - invalidated_ns, 0));
  }
  thread.Join();
  PrintPercentiles(std::move(stale));
}

struct Part {
  std::string_view name;
  void (*run)(std::string_view uri, double seconds);
};
constexpr Part kParts[] = {{"hits", Hits},
                           {"hiredis-hits", HiredisHits},
                           {"coroutines", Coroutines},
                           {"get-coroutines", GetCoroutines},
                           {"hiredis-pipeline", HiredisPipeline},
                           {"stampede", Stampede},
                           {"hiredis-stampede", HiredisStampede},
                           {"near-hits", NearHits},
                           {"staleness", Staleness},
                           {"expiry", Expiry},
                           {"hiredis-expiry", HiredisExpiry}};

}  // namespace

int main(int argument_count, char** arguments) {
  if (argument_count < 2) Die("toolkit_bench PART --uri URI [--seconds S]");
  const cairn::bench::Arguments options(argument_count - 1, arguments + 1);
  const auto part = std::ranges::find(kParts, std::string_view(arguments[1]), &Part::name);
  if (part == std::end(kParts)) Die("no such part");
  part->run(options.Text("--uri", "embedded:"), options.Double("--seconds", 2));
  return 0;
}
