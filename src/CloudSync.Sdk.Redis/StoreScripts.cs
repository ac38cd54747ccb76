namespace CloudSync.Sdk;

/// <summary>
/// What happens inside of Redis: each script does one call for many ids, at once. KEYS are the claims and the sets of the ring, all in one slot; ARGV are now, the width of a bucket,
/// the retention and the time to live of a key (all in ms), then what the call brings: ids as one text of 16 bytes each, tokens as one of 19 digits each.
/// </summary>
/// <remarks>
/// <para>
/// One text instead of an argument for each id: Redis reads, and allocates, one argument instead of 500, and the answer is one text for the same reason. The client sends at most
/// <see cref="MaxIds"/>, since Lua's stack has room for some 8,000 values.
/// </para>
/// <para>
/// The claims are a hash: id → token (19 digits) and end of the lease (13 digits, in ms). Tokens are compared as texts: Lua's numbers are exact to 2^53 only. In the same hash, under names
/// of one byte, stand the current set of the ring (<c>b</c>), when it began (<c>s</c>), the last token (<c>t</c>), and a padding (<c>p</c>): Redis keeps a hash
/// of up to 512 short values as a list, which it reads from its beginning for every field; a longer value makes it a table, and a batch of 500 cost a third. An id is in the claims or in the sets, never in both.
/// </para>
/// <para>
/// Written for Lua 5.1 (Redis, Valkey) and 5.4 (Garnet) alike. The one writes 1.7e+15 for a large number, the other 5.0 for a quotient: whatever leaves a script goes through
/// <c>string.format('%d')</c>. Garnet's <c>struct</c> is broken, so there is none.
/// </para>
/// </remarks>
internal static class StoreScripts
{
    /// <summary>Sets in the ring: a retention is four buckets, and the one that is filled now is the fifth.</summary>
    public const int Sets = Buckets + 1;

    /// <summary>Buckets that a retention is divided into. Ids are remembered, and take room, for up to one bucket longer.</summary>
    public const int Buckets = 4;

    /// <summary>Ids that one script is given, at most.</summary>
    public const int MaxIds = 1_000;

    /// <summary>The length of a token, and of a time in ms, in what goes to and fro.</summary>
    public const int TokenLength = 19, TimeLength = 13;

    /// <summary>The answer to a claim or a completion: one letter for each id.</summary>
    public const byte Acquired = (byte)'a', TookOver = (byte)'t', Completed = (byte)'c', Held = (byte)'h', True = (byte)'1';

    /// <summary>Leases run by the server's clock; a test may bring its own. It is read once: all ids of a call are decided at the same time.</summary>
    private const string Begin = """
        local now, us = tonumber(ARGV[1]), nil
        if now then
          us = now * 1000
        else
          local time = redis.call('TIME')
          us = time[1] * 1000000 + time[2]
          now = math.floor(us / 1000)
        end
        local width, retention, ttl = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

        """;

    /// <summary>Cuts the ids, and reads the ring and what is claimed of them.</summary>
    private const string Read = """
        local n, ids = #ARGV[5] / 16, {}
        for i = 1, n do
          ids[i] = string.sub(ARGV[5], i * 16 - 15, i * 16)
        end
        local known = redis.call('HMGET', KEYS[1], 'b', 's', 't', unpack(ids))

        """;

    /// <summary>
    /// Whoever first sees that a bucket's time is over begins the next, in the set that has been filled longest ago. That one is unlinked: freeing millions of ids where they are
    /// would stop the server for seconds. Lost with its hash, the ring goes on where the clock says it was, and no set is given up for it. A clock that went back begins the bucket anew:
    /// rather remembered for too long than repeated.
    /// </summary>
    private const string Roll = """
        local set, start = tonumber(known[1]), tonumber(known[2])
        local steps = 0
        if set and start and start <= now then
          steps = math.floor((now - start) / width)
        end
        if not set or not start or start > now or steps > 0 then
          if not set or not start then
            set = math.floor(now / width) % 5
            start = now - now % width
          elseif start > now then
            start = now
          end
          for i = 1, math.min(steps, 5) do
            redis.call('UNLINK', KEYS[2 + (set + i) % 5])
          end
          set = (set + steps) % 5
          start = start + steps * width
          redis.call('HSET', KEYS[1], 'p', string.rep('.', 100), 'b', string.format('%d', set), 's', string.format('%d', start))
          redis.call('PEXPIRE', KEYS[1], ttl)
        end

        """;

    /// <summary>Looks for the ids in <c>ask</c> in all sets; where one is found, <c>status</c> at its place becomes the letter given.</summary>
    private const string Look = """
        local m = #ask
        if m > 0 then
          for s = 2, 6 do
            if redis.call('EXISTS', KEYS[s]) == 1 then
              local found = redis.call('SMISMEMBER', KEYS[s], unpack(ask))
              for j = 1, m do
                if found[j] == 1 then
                  status[place[j]] = COMPLETED
                end
              end
            end
          end
        end

        """;

    /// <summary>ARGV[6] is the lease. The answer: the token before the first, then, unless all were acquired, a letter for each id, then for each that is held its milliseconds.</summary>
    public static string Claim { get; } = Begin + Read + Roll + """
        local lease = tonumber(ARGV[6])
        local status, ask, place, left = {}, {}, {}, {}
        for i = 1, n do
          local claim = known[i + 3]
          local ends = claim and tonumber(string.sub(claim, 20))
          if ends and ends > now then
            status[i] = 'h'
            left[i] = ends - now
          elseif ends and ends + retention > now then
            status[i] = 't'
          else
            ask[#ask + 1] = ids[i]
            place[#place + 1] = i
          end
        end

        """ + Look.Replace("COMPLETED", "'c'", StringComparison.Ordinal) + """
        local base = math.max(us, tonumber(known[3]) or 0)
        local ends = string.format('%013d', now + lease)
        local mine, claims, plain = {}, {}, true
        for i = 1, n do
          local s = status[i] or 'a'
          if s == 'a' or s == 't' then
            local id = ids[i]
            if mine[id] then
              s = 'h'
              left[i] = lease
            else
              mine[id] = true
              claims[#claims + 1] = id
              claims[#claims + 1] = string.format('%019d', base + i) .. ends
            end
          end
          plain = plain and s == 'a'
          status[i] = s
        end
        if #claims > 0 then
          redis.call('HSET', KEYS[1], 't', string.format('%d', base + n), unpack(claims))
          redis.call('PEXPIRE', KEYS[1], ttl)
        end
        local answer = string.format('%019d', base)
        if not plain then
          answer = answer .. table.concat(status)
          for i = 1, n do
            if left[i] then
              answer = answer .. string.format('%013d', left[i])
            end
          end
        end
        return answer
        """;

    /// <summary>Decides on each claim, with the tokens in ARGV[6]: <c>status</c> is '1' where it is the caller's to change, or nobody's.</summary>
    private static readonly string Judge = Begin + Read + Roll + """
        local status, ask, place, token = {}, {}, {}, {}
        for i = 1, n do
          token[i] = string.sub(ARGV[6], i * 19 - 18, i * 19)
          local claim = known[i + 3]
          if claim and string.sub(claim, 1, 19) == token[i] then
            status[i] = '1'
          elseif claim and tonumber(string.sub(claim, 20)) + retention > now then
            status[i] = '0'
          else
            status[i] = '1'
            ask[#ask + 1] = ids[i]
            place[#place + 1] = i
          end
        end

        """ + Look.Replace("COMPLETED", "'0'", StringComparison.Ordinal);

    /// <summary>The answer: empty when all were ours, else '1' or '0' for each.</summary>
    public static string Complete { get; } = Judge + """
        local mine, done, plain = {}, {}, true
        for i = 1, n do
          local id = ids[i]
          if status[i] == '1' and not mine[id] then
            mine[id] = true
            done[#done + 1] = id
          else
            status[i] = '0'
            plain = false
          end
        end
        if #done > 0 then
          redis.call('SADD', KEYS[2 + set], unpack(done))
          redis.call('HDEL', KEYS[1], unpack(done))
          redis.call('PEXPIRE', KEYS[2 + set], ttl)
        end
        return plain and '' or table.concat(status)
        """;

    /// <summary>ARGV[7] is the lease. The answer is that of <see cref="Complete"/>.</summary>
    public static string Extend { get; } = Judge + """
        local ends = string.format('%013d', now + tonumber(ARGV[7]))
        local mine, claims, plain = {}, {}, true
        for i = 1, n do
          local id = ids[i]
          if mine[id] then
            status[i] = mine[id] == token[i] and '1' or '0'
          elseif status[i] == '1' then
            mine[id] = token[i]
            claims[#claims + 1] = id
            claims[#claims + 1] = token[i] .. ends
          end
          plain = plain and status[i] == '1'
        end
        if #claims > 0 then
          redis.call('HSET', KEYS[1], unpack(claims))
          redis.call('PEXPIRE', KEYS[1], ttl)
        end
        return plain and '' or table.concat(status)
        """;

    /// <summary>Gives back the claims with the tokens in ARGV[6]. No answer.</summary>
    public static string Release { get; } = Read + """
        local mine = {}
        for i = 1, n do
          local claim = known[i + 3]
          if claim and string.sub(claim, 1, 19) == string.sub(ARGV[6], i * 19 - 18, i * 19) then
            mine[#mine + 1] = ids[i]
          end
        end
        if #mine > 0 then
          redis.call('HDEL', KEYS[1], unpack(mine))
        end
        return ''
        """;

    /// <summary>
    /// One step through the claims, from the cursor in ARGV[5]: those that have lapsed for a retention are taken out. The answer: the next cursor, how many went, the claims and the completed
    /// ids that are there. A step that took some out is made again: Garnet's cursor is a place, which moves with them.
    /// </summary>
    public static string Sweep { get; } = Begin + """
        local known = redis.call('HMGET', KEYS[1], 'b', 's', 't')

        """ + Roll + """
        local page = redis.call('HSCAN', KEYS[1], ARGV[5], 'COUNT', '500')
        local gone = {}
        for i = 1, #page[2], 2 do
          local id, claim = page[2][i], page[2][i + 1]
          if #id == 16 and tonumber(string.sub(claim, 20)) + retention <= now then
            gone[#gone + 1] = id
          end
        end
        for i = 1, #gone, 1000 do
          redis.call('HDEL', KEYS[1], unpack(gone, i, math.min(i + 999, #gone)))
        end
        local ids = 0
        for s = 2, 6 do
          ids = ids + redis.call('SCARD', KEYS[s])
        end
        return { #gone > 0 and ARGV[5] or page[1], #gone, redis.call('HLEN', KEYS[1]) - (known[3] and 4 or 3), ids }
        """;
}
