// SPDX-License-Identifier: BSD-3-Clause
// Searching places within a circle or a box: GEOSEARCH and the older GEORADIUS.
//
// The cells that cover the shape (ds::GeoCover) are ranges of scores; what lies in them is decoded
// and measured. Without a sort the order is that of the cells, then of the scores, as in Redis.
//
// The words are one language, of which each command speaks a part; Redis reads them after it has
// found the set, since FROMMEMBER asks it for the centre. Where there is no set a member is taken
// for known: the words are still judged, but nothing will be measured.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "command/call.h"
#include "command/errors.h"
#include "commands/collections.h"
#include "commands/families.h"
#include "commands/geo_args.h"
#include "commands/heavy.h"
#include "commands/sorted_sets.h"
#include "ds/geohash.h"
#include "value/scored_members.h"
#include "value/sorted_set.h"

namespace cairn::commands {
namespace {

using ds::GeoShape;
using value::Direction;
using value::SortedSet;

struct SearchForm {
  enum class Centre : std::uint8_t { kPoint, kMember, kInWords };
  Centre centre;
  std::size_t source = 0;    // which of the keys
  bool takes_store = false;  // STORE key, STOREDIST key: GEORADIUS
  bool stores = false;       // GEOSEARCHSTORE

  bool is_search() const { return centre == Centre::kInWords; }
};

enum class Sort : std::uint8_t { kNone, kAscending, kDescending };

struct SearchRequest {
  GeoShape shape;
  bool with_distance = false;
  bool with_hash = false;
  bool with_point = false;
  bool has_member = false;
  bool has_point = false;
  bool has_radius = false;
  bool has_box = false;
  bool any = false;
  bool stores_distance = false;
  Sort sort = Sort::kNone;
  std::size_t count = 0;                   // 0: all
  std::optional<std::string_view> target;  // where to store

  bool shows_more() const { return with_distance || with_hash || with_point; }
};

class SearchParser {
 public:
  SearchParser(Call& call, const SearchForm& form, const SortedSet* set, SearchRequest& request)
      : call_(call), form_(form), set_(set), request_(request) {}

  // False with the error replied.
  bool Parse() {
    if (!ParseFixed()) return false;
    while (at_ < call_.argc()) {
      if (!ParseWord()) return false;
    }
    return CheckWords();
  }

 private:
  bool Refuse(std::string_view error) {
    call_.Error(error);
    return false;
  }

  std::size_t left() const { return call_.argc() - at_; }
  // At one of the form's words that takes `count` more: steps over it.
  bool Take(std::string_view word, std::size_t count = 0) {
    if (left() <= count || !EqualsIgnoreCase(call_.arg(at_), word)) return false;
    ++at_;
    return true;
  }

  // What stands in fixed places.
  bool ParseFixed() {
    switch (form_.centre) {
      case SearchForm::Centre::kPoint:
        at_ = 2;
        return ParsePoint() && ParseRadius();
      case SearchForm::Centre::kMember:
        at_ = 2;
        if (set_ != nullptr) return ParseMember() && ParseRadius();
        at_ = 5;
        return true;
      case SearchForm::Centre::kInWords:
        at_ = form_.source + 2;
        if (form_.stores) request_.target = call_.arg(1);
        return true;
    }
    return false;
  }

  bool ParseWord() {
    if (Take("WITHDIST")) return request_.with_distance = true;
    if (Take("WITHHASH")) return request_.with_hash = true;
    if (Take("WITHCOORD")) return request_.with_point = true;
    if (Take("ANY")) return request_.any = true;
    if (Take("ASC")) return SetSort(Sort::kAscending);
    if (Take("DESC")) return SetSort(Sort::kDescending);
    if (Take("COUNT", 1)) return ParseCount();
    if (form_.takes_store && Take("STORE", 1)) return SetTarget(false);
    if (form_.takes_store && Take("STOREDIST", 1)) return SetTarget(true);
    if (form_.stores && Take("STOREDIST")) return request_.stores_distance = true;
    return form_.is_search() ? ParseShapeWord() : Refuse(command::errors::kSyntax);
  }

  bool ParseShapeWord() {
    if (!request_.has_point && Take("FROMMEMBER", 1))
      return (request_.has_member = true) && ParseMember();
    if (!request_.has_member && Take("FROMLONLAT", 2))
      return (request_.has_point = true) && ParsePoint();
    if (!request_.has_box && Take("BYRADIUS", 2))
      return (request_.has_radius = true) && ParseRadius();
    if (!request_.has_radius && Take("BYBOX", 3)) return (request_.has_box = true) && ParseBox();
    return Refuse(command::errors::kSyntax);
  }

  bool SetSort(Sort sort) {
    request_.sort = sort;
    return true;
  }

  // The last one counts.
  bool SetTarget(bool distance) {
    request_.target = call_.arg(at_++);
    request_.stores_distance = distance;
    return true;
  }

  bool ParseCount() {
    const auto count = ParseInt64(call_.arg(at_++));
    if (!count) return Refuse(command::errors::kNotAnInteger);
    if (*count <= 0) return Refuse("ERR COUNT must be > 0");
    request_.count = static_cast<std::size_t>(*count);
    return true;
  }

  bool ParsePoint() {
    const auto point = ParseGeoPoint(call_, at_);
    if (!point) return false;
    request_.shape.centre = *point;
    at_ += 2;
    return true;
  }

  bool ParseMember() {
    const std::string_view member = call_.arg(at_++);
    if (set_ == nullptr) return true;
    const auto score = set_->Score(member);
    if (!score) return Refuse("ERR could not decode requested zset member");
    request_.shape.centre = GeoPointOfScore(*score);
    return true;
  }

  bool ParseRadius() {
    const auto radius = ParseDouble(call_.arg(at_));
    if (!radius) return Refuse("ERR need numeric radius");
    if (*radius < 0) return Refuse("ERR radius cannot be negative");
    request_.shape.kind = GeoShape::Kind::kCircle;
    request_.shape.radius = *radius;
    return ParseUnit(1);
  }

  bool ParseBox() {
    const auto width = ParseDouble(call_.arg(at_));
    if (!width) return Refuse("ERR need numeric width");
    const auto height = ParseDouble(call_.arg(at_ + 1));
    if (!height) return Refuse("ERR need numeric height");
    if (*width < 0 || *height < 0) return Refuse("ERR height or width cannot be negative");
    request_.shape.kind = GeoShape::Kind::kBox;
    request_.shape.width = *width;
    request_.shape.height = *height;
    return ParseUnit(2);
  }

  // Behind so many lengths.
  bool ParseUnit(std::size_t lengths) {
    const auto unit = ParseGeoUnit(call_, call_.arg(at_ + lengths));
    if (!unit) return false;
    request_.shape.unit_metres = *unit;
    at_ += lengths + 1;
    return true;
  }

  bool CheckWords() {
    const std::string_view name = call_.arg(0);
    if (request_.target && request_.shows_more())
      return Refuse(std::string("ERR ") +
                    (form_.stores ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS") +
                    " is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
    if (form_.is_search() && !request_.has_member && !request_.has_point)
      return Refuse("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for " +
                    std::string(name));
    if (form_.is_search() && !request_.has_radius && !request_.has_box)
      return Refuse("ERR exactly one of BYRADIUS and BYBOX can be specified for " +
                    std::string(name));
    if (request_.any && request_.count == 0)
      return Refuse("ERR the ANY argument requires COUNT argument");
    // The nearest are meant, unless any will do.
    if (request_.count != 0 && request_.sort == Sort::kNone && !request_.any)
      request_.sort = Sort::kAscending;
    return true;
  }

  Call& call_;
  const SearchForm& form_;
  const SortedSet* const set_;
  SearchRequest& request_;
  std::size_t at_ = 0;
};

struct Match {
  double distance;  // in metres
  ds::GeoPoint point;
  std::size_t order;
};

// What a search found. Members and scores are in `members`, at the match's order.
class Matches {
 public:
  Matches(const SortedSet& set, const SearchRequest& request)
      : set_(set), shape_(request.shape), stop_at_(request.any ? request.count : 0) {
    for (const ds::GeohashRange& range : ds::GeoCover(shape_).ranges()) {
      if (IsEnough()) break;
      Collect(range);
    }
  }

  // Leaves `count` of them, 0 for all, in the order asked for.
  void Arrange(Sort sort, std::size_t count) {
    const std::size_t kept = count == 0 ? matches_.size() : std::min(count, matches_.size());
    const auto middle = matches_.begin() + static_cast<std::ptrdiff_t>(kept);
    // Those that are equally far stay as they were found.
    if (sort == Sort::kAscending) {
      std::partial_sort(matches_.begin(), middle, matches_.end(), [](auto& a, auto& b) {
        return a.distance < b.distance || (a.distance == b.distance && a.order < b.order);
      });
    } else if (sort == Sort::kDescending) {
      std::partial_sort(matches_.begin(), middle, matches_.end(), [](auto& a, auto& b) {
        return a.distance > b.distance || (a.distance == b.distance && a.order < b.order);
      });
    }
    matches_.resize(kept);
  }

  std::span<const Match> all() const { return matches_; }
  const value::MemberScore& MemberOf(const Match& match) const {
    return members_.entries()[match.order];
  }

 private:
  bool IsEnough() const { return stop_at_ != 0 && matches_.size() >= stop_at_; }

  // In pieces, since a visit cannot stop before its end.
  void Collect(const ds::GeohashRange& cell) {
    constexpr std::uint64_t kPiece = 128;
    const value::RankRange range = set_.FindScores({.min = static_cast<double>(cell.begin),
                                                    .max = static_cast<double>(cell.end),
                                                    .exclude_max = true});
    const std::uint64_t piece = stop_at_ == 0 ? range.size() : kPiece;
    for (std::uint64_t done = 0; done < range.size() && !IsEnough(); done += piece) {
      set_.ForEachIn(range.Limit(done, piece, Direction::kUp), Direction::kUp,
                     [&](std::string_view member, double score) { Consider(member, score); });
    }
  }

  void Consider(std::string_view member, double score) {
    if (IsEnough()) return;
    const ds::GeoPoint point = GeoPointOfScore(score);
    const auto distance = ds::GeoDistanceWithin(shape_, point);
    if (!distance) return;
    matches_.push_back({.distance = *distance, .point = point, .order = members_.size()});
    members_.Add(member, score);
  }

  const SortedSet& set_;
  const GeoShape& shape_;
  const std::size_t stop_at_;
  value::ScoredMembers members_;
  std::vector<Match> matches_;
};

void ReplyMatches(Call& call, const SearchRequest& request, const Matches& matches) {
  const std::size_t parts = std::size_t{1} + (request.with_distance ? 1 : 0) +
                            (request.with_hash ? 1 : 0) + (request.with_point ? 1 : 0);
  call.reply().Array(matches.all().size());
  for (const Match& match : matches.all()) {
    const value::MemberScore& entry = matches.MemberOf(match);
    if (parts > 1) call.reply().Array(parts);
    call.reply().Bulk(entry.member);
    if (request.with_distance) ReplyDistance(call, match.distance / request.shape.unit_metres);
    if (request.with_hash) call.reply().Integer(static_cast<std::int64_t>(entry.score));
    if (request.with_point) ReplyGeoPoint(call, match.point);
  }
}

void StoreMatches(Call& call, std::size_t n, const SearchRequest& request, const Matches& matches,
                  std::string_view event) {
  std::vector<value::MemberScore> entries;
  entries.reserve(matches.all().size());
  for (const Match& match : matches.all()) {
    value::MemberScore& entry = entries.emplace_back(matches.MemberOf(match));
    if (request.stores_distance) entry.score = match.distance / request.shape.unit_metres;
  }
  StoreMembers(call, n, entries, event);
  if (!entries.empty()) call.txn().CountAs(static_cast<std::int64_t>(entries.size()));
  call.reply().Integer(static_cast<std::int64_t>(entries.size()));
}

// Members in the cells that cover the shape. Only ANY may stop before it has seen them.
std::uint64_t ElementsSearched(const SortedSet& set, const SearchRequest& request) {
  std::uint64_t elements = 0;
  for (const ds::GeohashRange& cell : ds::GeoCover(request.shape).ranges()) {
    elements += set.FindScores({.min = static_cast<double>(cell.begin),
                                .max = static_cast<double>(cell.end),
                                .exclude_max = true})
                    .size();
  }
  return request.any ? std::min<std::uint64_t>(elements, request.count) : elements;
}

// Which of the call's keys has this name.
std::optional<std::size_t> KeyNamed(Call& call, std::string_view name) {
  for (std::size_t n = 0; n < call.key_count(); ++n) {
    if (call.key(n).name == name) return n;
  }
  return std::nullopt;
}

void Search(Call& call, const SearchForm& form) {
  Found found;
  if (!FindAs<SortedSet>(call, form.source, Access::kRead, &found)) return;
  const SortedSet empty;
  const SortedSet* set = found ? &SortedSetOf(found) : nullptr;
  SearchRequest request;
  if (!SearchParser(call, form, set, request).Parse()) return;
  if (set != nullptr && call.Defer(ElementsSearched(*set, request))) return;
  if (!request.target) {
    if (set == nullptr) return call.reply().Array(0);
    Matches matches(*set, request);
    matches.Arrange(request.sort, request.count);
    return ReplyMatches(call, request, matches);
  }
  // Of STORE given twice only one key is found, and locked; Redis would take the other.
  const auto target = KeyNamed(call, *request.target);
  if (!target) return call.Error(command::errors::kSyntax);
  Matches matches(set == nullptr ? empty : *set, request);
  matches.Arrange(request.sort, request.count);
  StoreMatches(call, *target, request, matches,
               form.is_search() ? "geosearchstore" : "georadiusstore");
}

void GeoRadius(Call& call) {
  Search(call, {.centre = SearchForm::Centre::kPoint, .takes_store = true});
}
void GeoRadiusRo(Call& call) { Search(call, {.centre = SearchForm::Centre::kPoint}); }
void GeoRadiusByMember(Call& call) {
  Search(call, {.centre = SearchForm::Centre::kMember, .takes_store = true});
}
void GeoRadiusByMemberRo(Call& call) { Search(call, {.centre = SearchForm::Centre::kMember}); }
void GeoSearch(Call& call) { Search(call, {.centre = SearchForm::Centre::kInWords}); }
void GeoSearchStore(Call& call) {
  Search(call, {.centre = SearchForm::Centre::kInWords, .source = 1, .stores = true});
}

constexpr std::string_view kSearchCost =
    "O(N+log(M)) where N is the number of members in the cells that cover the shape and M in the "
    "set";

constexpr Spec kSpecs[] = {
    Spec({.syntax = "GEORADIUS key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] "
                    "[WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key] "
                    "[STOREDIST key]",
          .access = "RO ACCESS; OW UPDATE; OW UPDATE",
          .since = "3.2.0",
          .group = Group::kGeo,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = kSearchCost,
          .summary = "Returns or stores the members within a distance from a point.",
          .history = "6.2.0: Added ANY.\n7.0.0: Units may be in upper case.",
          .deprecated = "6.2.0|`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument",
          .run = &GeoRadius}),
    Spec({.syntax = "GEORADIUS_RO key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] "
                    "[WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
          .access = "RO ACCESS",
          .since = "3.2.10",
          .group = Group::kGeo,
          .flags = command::kReadonly,
          .complexity = kSearchCost,
          .summary = "Returns the members within a distance from a point.",
          .history = "6.2.0: Added ANY.",
          .deprecated = "6.2.0|`GEOSEARCH` with the `BYRADIUS` argument",
          .run = &GeoRadiusRo}),
    Spec({.syntax = "GEORADIUSBYMEMBER key member radius <M | KM | FT | MI> [WITHCOORD] "
                    "[WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] [STORE key] "
                    "[STOREDIST key]",
          .access = "RO ACCESS; OW UPDATE; OW UPDATE",
          .since = "3.2.0",
          .group = Group::kGeo,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = kSearchCost,
          .summary = "Returns or stores the members within a distance from a member.",
          .history = "6.2.0: Added ANY.\n7.0.0: Units may be in upper case.",
          .deprecated = "6.2.0|`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and "
                        "`FROMMEMBER` arguments",
          .run = &GeoRadiusByMember}),
    Spec({.syntax = "GEORADIUSBYMEMBER_RO key member radius <M | KM | FT | MI> [WITHCOORD] "
                    "[WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
          .access = "RO ACCESS",
          .since = "3.2.10",
          .group = Group::kGeo,
          .flags = command::kReadonly,
          .complexity = kSearchCost,
          .summary = "Returns the members within a distance from a member.",
          .history = "6.2.0: Added ANY.",
          .deprecated = "6.2.0|`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments",
          .run = &GeoRadiusByMemberRo}),
    Spec({.syntax = "GEOSEARCH key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS "
                    "radius <M | KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | "
                    "DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
          .access = "RO ACCESS",
          .since = "6.2.0",
          .group = Group::kGeo,
          .flags = command::kReadonly,
          .complexity = kSearchCost,
          .summary = "Returns the members within a circle or a box.",
          .history = "7.0.0: Units may be in upper case.",
          .run = &GeoSearch}),
    Spec({.syntax = "GEOSEARCHSTORE destination source <FROMMEMBER member | FROMLONLAT longitude "
                    "latitude> <BYRADIUS radius <M | KM | FT | MI> | BYBOX width height <M | KM | "
                    "FT | MI>> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
          .access = "OW UPDATE; RO ACCESS",
          .since = "6.2.0",
          .group = Group::kGeo,
          .flags = command::kWrite | command::kDenyOom,
          .complexity = kSearchCost,
          .summary = "Stores the members within a circle or a box.",
          .history = "7.0.0: Units may be in upper case.",
          .run = &GeoSearchStore}),
};

}  // namespace

std::span<const Spec> GeoSearchFamily() { return kSpecs; }

}  // namespace cairn::commands
