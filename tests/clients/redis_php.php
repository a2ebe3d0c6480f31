<?php
// SPDX-License-Identifier: BSD-3-Clause
// php-redis, a client in C of its own making, as an application uses it. Argument: the port.
//
// Each case prints "ok NAME" or "FAIL NAME: why".
declare(strict_types=1);

const SECONDS_MAX = 20;
$port = (int)$argv[1];

function client(array $options = []): Redis
{
    global $port;
    $redis = new Redis();
    $redis->connect('127.0.0.1', $port, SECONDS_MAX, null, 0, SECONDS_MAX);
    foreach ($options as $name => $value) {
        $redis->setOption($name, $value);
    }
    return $redis;
}

function same(mixed $got, mixed $wanted): void
{
    if ($got !== $wanted) {
        throw new Exception('got ' . json_encode($got) . ', wanted ' . json_encode($wanted));
    }
}

function wait_for(callable $condition, string $what): void
{
    for ($end = microtime(true) + SECONDS_MAX; !$condition(); usleep(1000)) {
        if (microtime(true) > $end) {
            throw new Exception("waited in vain for $what");
        }
    }
}

function sorted(array $items): array
{
    sort($items);
    return $items;
}

/** All that a scan with SCAN_RETRY gives. $next is called with the iterator. */
function collect(callable $next): array
{
    $all = [];
    $iterator = null;
    while (($part = $next($iterator)) !== false) {
        $all += $part;
        if ($iterator === 0) {
            break;
        }
    }
    return $all;
}

$cases = [
    'strings' => function (Redis $r) {
        same($r->set('a', 'b'), true);
        same($r->get('none'), false);
        same($r->set('a', 'c', ['nx', 'ex' => 10]), false);
        same($r->set('a', "\0\xff\r\n", ['xx', 'px' => 100000]), true);
        same($r->get('a'), "\0\xff\r\n");
        same($r->mSet(['x' => '1', 'y' => '2']), true);
        same($r->mGet(['x', 'none', 'y']), ['1', false, '2']);
        same($r->incrBy('x', 41), 42);
        same($r->incrByFloat('y', 0.5), 2.5);
        same($r->setRange('s', 5, 'hi'), 7);
        same($r->getRange('s', -2, -1), 'hi');
        same($r->del('a', 'x', 'none'), 2);
        same($r->type('y'), Redis::REDIS_STRING);
        same($r->strlen('s'), 7);
        same($r->getSet('s', 'new'), "\0\0\0\0\0hi");
    },
    'bitsAndCounts' => function (Redis $r) {
        same($r->setBit('bits', 7, true), 0);
        same($r->bitCount('bits'), 1);
        same($r->bitpos('bits', 1), 7);
        same($r->bitOp('NOT', 'twin', 'bits'), 1);
        same($r->pfAdd('hll', ['a', 'b', 'c']), 1);
        same($r->pfCount('hll'), 3);
        same($r->pfMerge('sum', ['hll']), true);
    },
    'lists' => function (Redis $r) {
        same($r->rPush('l', 'a', 'b', 'c'), 3);
        same($r->lPush('l', 'z'), 4);
        same($r->lRange('l', 0, -1), ['z', 'a', 'b', 'c']);
        same($r->lInsert('l', Redis::BEFORE, 'b', 'x'), 5);
        same($r->lRem('l', 'x', 0), 1);
        same($r->lSet('l', 0, 'y'), true);
        same($r->lTrim('l', 0, 2), true);
        same($r->rawCommand('LMOVE', 'l', 'm', 'LEFT', 'RIGHT'), 'y');
        same($r->rPopLPush('l', 'm'), 'b');
        same($r->blPop(['none', 'm'], 1), ['m', 'b']);
        same($r->brPop(['none'], 1), []);
        same($r->lLen('l'), 1);
        same($r->type('l'), Redis::REDIS_LIST);
    },
    'hashes' => function (Redis $r) {
        same($r->hMSet('h', ['f' => 'v', 'n' => 1]), true);
        same($r->hSet('h', 'g', 'w'), 1);
        same($r->hGetAll('h'), ['f' => 'v', 'n' => '1', 'g' => 'w']);
        same($r->hMGet('h', ['f', 'none']), ['f' => 'v', 'none' => false]);
        same($r->hIncrBy('h', 'n', 4), 5);
        same($r->hIncrByFloat('h', 'n', 0.5), 5.5);
        same($r->hSetNx('h', 'f', 'x'), false);
        same(sorted($r->hKeys('h')), ['f', 'g', 'n']);
        same($r->hDel('h', 'f', 'none'), 1);
        same($r->hStrLen('h', 'g'), 1);
        same($r->hExists('h', 'f'), false);
        same($r->hLen('h'), 2);
    },
    'sets' => function (Redis $r) {
        same($r->sAdd('s', 'a', 'b', 'c'), 3);
        same($r->sAddArray('t', ['b', 'c', 'd']), 3);
        same(sorted($r->sInter('s', 't')), ['b', 'c']);
        same(sorted($r->sUnion('s', 't')), ['a', 'b', 'c', 'd']);
        same($r->sDiff('s', 't'), ['a']);
        same($r->sInterStore('u', 's', 't'), 2);
        same($r->sMisMember('s', 'a', 'z'), [1, 0]);
        same($r->sMove('s', 't', 'a'), true);
        same(sorted($r->sMembers('t')), ['a', 'b', 'c', 'd']);
        same(count($r->sPop('t', 2)), 2);
        same(count($r->sRandMember('t', -5)), 5);
        same($r->sRem('t', 'none'), 0);
    },
    'sortedSets' => function (Redis $r) {
        same($r->zAdd('z', 1, 'a', 2.5, 'b', 3, 'c'), 3);
        same($r->zAdd('z', ['XX', 'CH'], 4, 'a'), 1);
        same($r->zRange('z', 0, -1, true), ['b' => 2.5, 'c' => 3.0, 'a' => 4.0]);
        same($r->zRangeByScore('z', '(2.5', '+inf', ['limit' => [0, 1]]), ['c']);
        same($r->zRevRangeByScore('z', '+inf', '-inf', ['withscores' => true]),
            ['a' => 4.0, 'c' => 3.0, 'b' => 2.5]);
        same($r->zIncrBy('z', -10, 'a'), -6.0);
        same($r->zRank('z', 'c'), 2);
        same($r->zScore('z', 'none'), false);
        same($r->rawCommand('ZMSCORE', 'z', 'a', 'none'), ['-6', false]);
        same($r->zUnionStore('u', ['z', 'z'], [1, 2], 'SUM'), 3);
        same($r->zScore('u', 'c'), 9.0);
        same($r->zPopMin('z'), ['a' => -6.0]);
        same($r->bzPopMax(['none', 'z'], 1), ['z', 'c', '3']);
        same($r->zRemRangeByRank('z', 0, -1), 1);
        $r->zAdd('lex', 0, 'a', 0, 'b', 0, 'c');
        same($r->zRangeByLex('lex', '[b', '+'), ['b', 'c']);
        same($r->zLexCount('lex', '-', '(c'), 2);
    },
    'geo' => function (Redis $r) {
        same($r->geoAdd('g', 13.361389, 38.115556, 'Palermo', 15.087269, 37.502669, 'Catania'), 2);
        same(round($r->geoDist('g', 'Palermo', 'Catania', 'km'), 1), 166.3);
        same($r->geoRadius('g', 15, 37, 100, 'km'), ['Catania']);
        same($r->geoHash('g', 'Palermo'), ['sqc8b49rny0']);
        same($r->geoRadiusByMember('g', 'Palermo', 200, 'km', ['ASC']), ['Palermo', 'Catania']);
    },
    'streams' => function (Redis $r) {
        same($r->xAdd('x', '1-1', ['f' => 'v']), '1-1');
        same($r->xAdd('x', '2-1', ['f' => 'w', 'g' => '']), '2-1');
        same($r->xRange('x', '-', '+'), ['1-1' => ['f' => 'v'], '2-1' => ['f' => 'w', 'g' => '']]);
        same($r->xGroup('CREATE', 'x', 'group', '0'), true);
        same($r->xReadGroup('group', 'me', ['x' => '>'], 1), ['x' => ['1-1' => ['f' => 'v']]]);
        same($r->xPending('x', 'group'), [1, '1-1', '1-1', [['me', '1']]]);
        same($r->xClaim('x', 'group', 'you', 0, ['1-1'], ['JUSTID']), ['1-1']);
        same($r->xAck('x', 'group', ['1-1']), 1);
        same($r->xRead(['x' => '1-1']), ['x' => ['2-1' => ['f' => 'w', 'g' => '']]]);
        same($r->xRead(['x' => '$'], 1, 20), []);
        same($r->xTrim('x', 1), 1);
        same($r->xDel('x', ['2-1']), 1);
        same($r->xLen('x'), 0);
        same($r->xInfo('STREAM', 'x')['last-generated-id'], '2-1');
    },
    'expiry' => function (Redis $r) {
        same($r->setEx('a', 100, 'b'), true);
        same($r->ttl('a') > 90, true);
        same($r->persist('a'), true);
        same($r->pExpire('a', 20), true);
        wait_for(fn() => $r->exists('a') === 0, 'the key to expire');
        same($r->ttl('a'), -2);
    },
    'multi' => function (Redis $r) {
        same($r->multi()->set('a', '1')->incr('a')->lPush('a', 'x')->get('a')->exec(),
            [true, 2, false, '2']);
        $r->clearLastError();
        same($r->multi()->set('a', '5')->discard(), true);
        same($r->get('a'), '2');
        $r->watch('a');
        client()->set('a', 'changed');
        same($r->multi()->set('a', 'lost')->exec(), false);
        same($r->get('a'), 'changed');
        $r->watch('a');
        $r->unwatch();
        client()->set('a', 'again');
        same($r->multi()->get('a')->hMSet('h', ['f' => 'v'])->hGetAll('h')->exec(),
            ['again', true, ['f' => 'v']]);
    },
    'pipeline' => function (Redis $r) {
        $pipeline = $r->multi(Redis::PIPELINE);
        for ($i = 0; $i < 5000; ++$i) {
            $pipeline->set("k$i", (string)$i);
        }
        $replies = $pipeline->get('k4999')->exec();
        same(count($replies), 5001);
        same($replies[5000], '4999');
    },
    'scans' => function (Redis $r) {
        $r->setOption(Redis::OPT_SCAN, (string)Redis::SCAN_RETRY);
        $pairs = [];
        for ($i = 0; $i < 2000; ++$i) {
            $pairs["m$i"] = (string)$i;
        }
        $r->mSet($pairs);
        $r->hMSet('h', $pairs);
        $r->sAddArray('s', array_keys($pairs));
        foreach ($pairs as $member => $score) {
            $scored[] = (float)$score;
            $scored[] = $member;
        }
        $r->zAdd('z', ...$scored);
        $keys = collect(fn(&$it) => ($part = $r->scan($it, 'm*', 100)) ? array_flip($part) : $part);
        same(count($keys), 2000);
        same(count(collect(fn(&$it) => $r->hScan('h', $it, 'm*', 100))), 2000);
        $members = collect(fn(&$it) => ($p = $r->sScan('s', $it, '*1', 50)) ? array_flip($p) : $p);
        same(count($members), 200);
        $scores = collect(fn(&$it) => $r->zScan('z', $it, null, 100));
        same(count($scores), 2000);
        same($scores['m1999'], 1999.0);
    },
    'pubsub' => function (Redis $r) {
        // The listener blocks this process, so another one publishes, once it is there.
        global $port;
        $code = '$r = new Redis(); $r->connect("127.0.0.1", ' . $port . ');
            while ($r->rawCommand("PUBLISH", "news", "hello") < 1) usleep(1000);
            for ($i = 0; $i < 500; ++$i) $r->publish("news", "$i");
            $r->publish("other", "x"); $r->publish("end", "x");';
        $publisher = proc_open([PHP_BINARY, '-r', $code], [], $pipes);
        $got = [];
        // Told to unsubscribe, this client reads on: its way out of the loop is to be closed.
        try {
            client()->pSubscribe(['n*', 'end'], function ($me, $by, $channel, $text) use (&$got) {
                $got[] = "$by/$channel/$text";
                if ($channel === 'end') {
                    $me->close();
                }
            });
        } catch (RedisException $_) {
        }
        proc_close($publisher);
        same(count($got), 502);
        same([$got[0], $got[1], $got[500], $got[501]],
            ['n*/news/hello', 'n*/news/0', 'n*/news/499', 'end/end/x']);
        wait_for(fn() => $r->pubsub('numpat') === 0, 'the listener to be gone');
    },
    'serializer' => function (Redis $_) {
        $r = client([Redis::OPT_SERIALIZER => Redis::SERIALIZER_PHP, Redis::OPT_PREFIX => 'app:']);
        $value = ['deep' => [1, 2.5, null, true], 'text' => 'ü'];
        same($r->set('a', $value), true);
        same($r->get('a'), $value);
        same(client()->exists('app:a'), 1);
        same($r->hMSet('h', ['x' => $value]), true);
        same($r->hGetAll('h'), ['x' => $value]);
    },
    'errors' => function (Redis $r) {
        $r->set('a', 'text');
        same($r->lPush('a', 'x'), false);
        same(str_starts_with($r->getLastError(), 'WRONGTYPE'), true);
        $r->clearLastError();
        same($r->rawCommand('NOPE'), false);
        same(str_contains($r->getLastError(), "unknown command 'NOPE'"), true);
    },
    'administration' => function (Redis $r) {
        same($r->info()['redis_version'], '7.2.4');
        same($r->config('GET', 'maxmemory'), ['maxmemory' => '0']);
        same($r->config('SET', 'maxmemory-samples', '7'), true);
        same($r->client('setname', 'of-php'), true);
        same($r->client('getname'), 'of-php');
        $names = array_column($r->client('list'), 'name');
        same(in_array('of-php', $names, true), true);
        same($r->select(3), true);
        same($r->dbSize(), 0);
        same($r->swapdb(0, 3), true);
        same($r->object('encoding', 'none'), false);
        same(count($r->time()), 2);
        same($r->echo('x'), 'x');
        same($r->sort('none'), []);
    },
];

foreach ($cases as $name => $body) {
    try {
        $r = client();
        $r->flushAll();
        $body($r);
        echo "ok $name\n";
    } catch (Throwable $error) {
        $text = str_replace("\n", ' ', $error->getMessage());
        $line = 0;
        foreach ($error->getTrace() as $step) {
            $line = $step['function'] === 'same' ? $step['line'] : $line;
        }
        echo "FAIL $name: line $line: $text\n";
    }
}
