namespace CloudSync.Sdk;

/// <summary>
/// What happens inside of Redis: each script does one call for many ids, at once. KEYS are the claims and the sets of the ring, all in one slot; ARGV are now, the width of a bucket,
/// the retention and the time to live of a key (all in ms), then what the call brings: ids as one text of 16 bytes each, and which claims they are as runs (see <see cref="IdBatch"/>).
/// </summary>
/// <remarks>
/// <para>
/// A claim puts its ids into the current set of the ring, and what they are claimed for, once for all of them, into the claims: a hash of batches. To complete all of a batch is to delete it
/// there. So an id that is in a set and in no batch is completed; and one that is claimed is in the current set always: whoever begins the next set takes the claimed ones along.
/// What a claim finds in the current set is looked for in the batches, and most claims find nothing.
/// </para>
/// <para>
/// The claims are a hash: <c>b</c> and a batch's number (16 digits) → end of the lease (13 digits, in ms), how many are claimed still (4 digits), and the ids in the order of their
/// tokens, sixteen hyphens for each that is not claimed any more. The token of an id is the batch's number and its place in it. An id that went its own way, extended without the others of its
/// batch or after all was forgotten, is a field of its own: id → token (20 digits), end of the lease. In the same hash, under names
/// of one byte, stand the current set of the ring (<c>b</c>), when it began (<c>s</c>), the longest width of those who fill it (<c>w</c>), the last batch (<c>t</c>), and a padding (<c>p</c>): Redis keeps a hash
/// of up to 512 short values as a list, which it reads from its beginning for every field; a longer value makes it a table.
/// </para>
/// <para>
/// A set that has claimed ids has a mark as well. Where the hash is lost and the sets are not (a server that throws keys away), nobody knows any more which of them were delivered: the set with
/// the mark is given up. Better delivered twice than taken for delivered.
/// </para>
/// <para>
/// One text instead of an argument for each id: Redis reads, and allocates, one argument instead of 500. The client sends at most <see cref="MaxIds"/>, since Lua's stack has room for
/// some 8,000 values.
/// </para>
/// <para>
/// Written for Lua 5.1 (Redis, Valkey) and 5.4 (Garnet) alike. The one writes 1.7e+15 for a large number, the other 5.0 for a quotient: whatever leaves a script goes through
/// <c>string.format('%d')</c>. Garnet's <c>struct</c> is broken, so there is none. Numbers of batches are exact in both, whole tokens would not be.
/// </para>
/// </remarks>
internal static class StoreScripts
{
    /// <summary>Sets in the ring: a retention is two buckets, and the one that is filled now is the third.</summary>
    public const int Sets = Buckets + 1;

    /// <summary>
    /// Buckets that a retention is divided into. Ids are remembered, and take room, for up to one bucket longer; a claim looks into each of them, and that is half of what it costs.
    /// </summary>
    public const int Buckets = 2;

    /// <summary>Ids that one script is given, at most.</summary>
    public const int MaxIds = 1_000;

    /// <summary>Bits of a token that say the place in the batch; those above are the batch's number.</summary>
    public const int PlaceBits = 10;

    /// <summary>The length of a batch's number, of a place or a count, of a time in ms, and of a run, in what goes to and fro.</summary>
    public const int NumberLength = 16, CountLength = 4, TimeLength = 13, RunLength = NumberLength + (2 * CountLength);

    /// <summary>The answer to a claim or a completion: one letter for each id.</summary>
    public const byte Acquired = (byte)'a', TookOver = (byte)'t', Completed = (byte)'c', Held = (byte)'h', True = (byte)'1', False = (byte)'0';

    /// <summary>Leases run by the server's clock; a test may bring its own. It is read once: all ids of a call are decided at the same time.</summary>
    private const string Begin = """
        local call, sub, format = redis.call, string.sub, string.format
        local now, us = tonumber(ARGV[1]), nil
        if now then
          us = now * 1000
        else
          local time = call('TIME')
          us = time[1] * 1000000 + time[2]
          now = math.floor(us / 1000)
        end
        local width, retention, ttl = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
        local hash, known = KEYS[1], call('HMGET', KEYS[1], 'b', 's', 't', 'w')

        """;

    /// <summary>What several scripts do: cut a text of ids, and give a command many of them.</summary>
    private const string Common = """
        local HOLE, MARK = '----------------', '.'
        local function cut(text, from)
          local pieces, n = {}, 0
          for at = from, #text, 16 do
            n = n + 1
            pieces[n] = sub(text, at, at + 15)
          end
          return pieces
        end
        local function each(command, key, list)
          for i = 1, #list, 1000 do
            call(command, key, unpack(list, i, math.min(i + 999, #list)))
          end
        end
        local function claimed(names)
          local list = {}
          for i = 1, #names, 2 do
            if #names[i] == 17 then
              for _, id in ipairs(cut(names[i + 1], 18)) do
                if id ~= HOLE then
                  list[#list + 1] = id
                end
              end
            elseif #names[i] == 16 then
              list[#list + 1] = names[i]
            end
          end
          return list
        end

        """;

    /// <summary>
    /// Whoever first sees that a bucket's time is over begins the next, in the set that has been filled longest ago. That one is unlinked: freeing millions of ids where they are
    /// would stop the server for seconds. Time in which nothing could have been completed may be worth several steps; a bucket is filled until the longest width of those who complete into
    /// it (<c>w</c>), or the one with the shortest retention would take a bucket that another filled a moment ago for one of long ago. What is claimed moves to the next set. Where the
    /// hash is lost and the sets are not, the ring goes on where the clock says it was, and only the set with the mark is given up for it. A clock that went back stops the ring until it is
    /// there again, unless it is days: rather remembered for too long than repeated.
    /// </summary>
    private const string Roll = """
        local set, start, filled = tonumber(known[1]), tonumber(known[2]), math.max(tonumber(known[4]) or 0, width)
        local steps = 0
        if not set or not start then
          for s = 2, SETS + 1 do
            if call('SREM', KEYS[s], MARK) == 1 then
              call('UNLINK', KEYS[s])
            end
          end
          set = math.floor(now / width) % SETS
          start = now - now % width
        elseif now - start >= width then
          local ended = math.min(now, start + filled)
          steps = 1 + math.floor((now - ended) / width)
          start = ended + (steps - 1) * width
        elseif start - now > tonumber(ttl) then
          start = now
        end
        if steps > 0 or start ~= tonumber(known[2]) then
          local moved = {}
          if steps > 0 then
            moved = claimed(call('HGETALL', hash))
            moved[#moved + 1] = MARK
            each('SREM', KEYS[2 + set], moved)
          end
          for i = 1, math.min(steps, SETS) do
            call('UNLINK', KEYS[2 + (set + i) % SETS])
          end
          set = (set + steps) % SETS
          if #moved > 1 then
            each('SADD', KEYS[2 + set], moved)
            call('PEXPIRE', KEYS[2 + set], ttl)
          end
          call('HSET', hash, 'p', string.rep('.', 100), 'b', format('%d', set), 's', format('%d', start), 'w', format('%d', width))
          call('PEXPIRE', hash, ttl)
        end
        local current = KEYS[2 + set]

        """;

    /// <summary>
    /// Looks for ids in all sets. <c>status</c> becomes 'c' where one is in a set that has completed ones alone, and <c>seen</c> lists the places of those in the current set, which may be
    /// claimed. <c>ids</c> ends with the mark.
    /// </summary>
    private const string Look = """
        local status, seen, plain = {}, {}, true
        for s = 2, SETS + 1 do
          if s ~= set + 2 and call('EXISTS', KEYS[s]) == 1 then
            local found = call('SMISMEMBER', KEYS[s], unpack(ids))
            for i = 1, n do
              if found[i] == 1 then
                status[i] = 'c'
                plain = false
              end
            end
          end
        end
        local found = call('SMISMEMBER', current, unpack(ids))
        for i = 1, n do
          if found[i] == 1 then
            seen[#seen + 1] = i
          end
        end

        """;

    /// <summary>
    /// Who holds ids, where anybody does: <c>token</c>, <c>ends</c>, and the <c>batch</c> with the place <c>at</c> in it, unless it is a field of its own. Few are looked for in each batch as it is; for
    /// many all batches are cut. Then what is taken out of batches is written back.
    /// </summary>
    private const string Owners = """
        local function owners(asked)
          local own, left, wanted = {}, {}, {}
          for first = 1, #asked, 1000 do
            local last = math.min(first + 999, #asked)
            local single = call('HMGET', hash, unpack(asked, first, last))
            for i = first, last do
              local value = single[i - first + 1]
              if value then
                own[asked[i]] = { token = sub(value, 1, 20), ends = tonumber(sub(value, 21)) }
              else
                left[#left + 1] = asked[i]
                wanted[asked[i]] = true
              end
            end
          end
          if #left == 0 or call('HLEN', hash) <= 5 then
            return own
          end
          local all = call('HGETALL', hash)
          for r = 1, #all, 2 do
            if #all[r] == 17 then
              local text = all[r + 1]
              local batch = { name = all[r], text = text, live = tonumber(sub(text, 14, 17)), ends = tonumber(sub(text, 1, 13)), out = {} }
              local function found(id, at)
                own[id] = { token = sub(batch.name, 2) .. format('%04d', (at - 18) / 16), ends = batch.ends, batch = batch, at = at }
              end
              if #left <= 32 then
                for _, id in ipairs(left) do
                  local at = string.find(text, id, 18, true)
                  while at and (at - 18) % 16 ~= 0 do
                    at = string.find(text, id, at + 1, true)
                  end
                  if at then
                    found(id, at)
                  end
                end
              else
                for at = 18, #text, 16 do
                  local id = sub(text, at, at + 15)
                  if wanted[id] then
                    found(id, at)
                  end
                end
              end
            end
          end
          return own
        end
        local changed, gone = {}, {}
        local function take(id, owner)
          if owner.batch then
            owner.batch.out[owner.at] = true
            owner.batch.live = owner.batch.live - 1
            changed[owner.batch] = true
          else
            gone[#gone + 1] = id
          end
        end
        local function write()
          for batch in pairs(changed) do
            if batch.live == 0 then
              gone[#gone + 1] = batch.name
            else
              local parts = { sub(batch.text, 1, 13), format('%04d', batch.live) }
              for at = 18, #batch.text, 16 do
                parts[#parts + 1] = batch.out[at] and HOLE or sub(batch.text, at, at + 15)
              end
              call('HSET', hash, batch.name, table.concat(parts))
            end
          end
          each('HDEL', hash, gone)
        end

        """;

    /// <summary>
    /// A server without room refuses a script's first write when that may take memory, and no later one. What was claimed must be completed, extended and given back there too, in parts as well: so each of
    /// these begins with a write that takes none.
    /// </summary>
    private const string FirstWrite = "call('PEXPIRE', hash, ttl)\n";

    /// <summary>
    /// Where all runs are what stands in their batches, nobody else has to be asked. Runs that overlap, as those of a claim that is there twice, are not all of what stands there. Each batch is written
    /// anew once, however many runs are taken out of it: they come in any order when messages end in any order.
    /// </summary>
    private const string Match = """
        local runs, n, place, ours = ARGV[6], #ARGV[5] / 16, 0, true
        local before, after, cuts = {}, {}, {}
        for r = 1, #runs, 24 do
          local name, first, count = 'b' .. sub(runs, r, r + 15), tonumber(sub(runs, r + 16, r + 19)), tonumber(sub(runs, r + 20, r + 23))
          local text = before[name]
          if text == nil then
            text = call('HGET', hash, name)
            before[name] = text
            cuts[name] = {}
          end
          if not text or sub(text, 18 + first * 16, 17 + (first + count) * 16) ~= (count == n and ARGV[5] or sub(ARGV[5], place * 16 + 1, (place + count) * 16)) then
            ours = false
            break
          end
          local cut = cuts[name]
          cut[#cut + 1] = { first, count }
          place = place + count
        end
        for name, cut in pairs(ours and cuts or {}) do
          local text = before[name]
          local live, past = tonumber(sub(text, 14, 17)), 0
          if #cut > 1 then
            table.sort(cut, function(a, b) return a[1] < b[1] end)
          end
          for _, run in ipairs(cut) do
            ours = ours and run[1] >= past
            past = run[1] + run[2]
            live = live - run[2]
          end
          after[name] = false
          if live > 0 then
            local parts, at = { sub(text, 1, 13), format('%04d', live) }, 18
            for _, run in ipairs(cut) do
              parts[#parts + 1] = sub(text, at, 17 + run[1] * 16)
              parts[#parts + 1] = string.rep(HOLE, run[2])
              at = 18 + (run[1] + run[2]) * 16
            end
            parts[#parts + 1] = sub(text, at)
            after[name] = table.concat(parts)
          end
        end
        local function settle()
          for name, text in pairs(after) do
            if text then
              call('HSET', hash, name, text)
            else
              call('HDEL', hash, name)
            end
          end
        end

        """;

    /// <summary>The ids, and the token of each as its batch's number and place.</summary>
    private const string Spell = """
        local ids, token = cut(ARGV[5], 1), {}
        for r = 1, #runs, 24 do
          local first = tonumber(sub(runs, r + 16, r + 19))
          for i = first, first + tonumber(sub(runs, r + 20, r + 23)) - 1 do
            token[#token + 1] = sub(runs, r, r + 15) .. format('%04d', i)
          end
        end

        """;

    /// <summary>What is known of each id: <c>state</c> is its owner, or 'c' where it is completed.</summary>
    private static readonly string Judge = Spell + "ids[n + 1] = MARK\n" + Look + Owners + """
        local state, asked = {}, {}
        for _, i in ipairs(seen) do
          asked[#asked + 1] = ids[i]
        end
        local own = owners(asked)
        for i = 1, n do
          local id = ids[i]
          state[id] = state[id] or status[i] or found[i] == 1 and (own[id] or 'c') or nil
        end
        local function isOurs(i)
          local s = state[ids[i]]
          return not s or s ~= 'c' and (s.token == token[i] or s.ends + retention <= now)
        end
        plain = true

        """;

    /// <summary>
    /// ARGV[6] is the lease. Keys live on by what comes after a claim, its completion or extension, and by each new set: here only a set that has none is given its time. The answer: the number of the batch, then, unless all were acquired, a letter for each id, then for each that is held its milliseconds.
    /// </summary>
    public static string Claim { get; } = Script(Begin + Common + Roll + """
        local ids = cut(ARGV[5], 1)
        local n = #ids
        ids[n + 1] = MARK

        """ + Look + """
        local number = format('%016d', math.max(us, (tonumber(known[3]) or 0) + 1))
        local lease = tonumber(ARGV[6])
        local ends = now + lease
        if plain and #seen == 0 and call('SADD', current, unpack(ids)) == n + 1 - found[n + 1] then
          call('HSET', hash, 't', number, 'b' .. number, format('%013d%04d', ends, n) .. ARGV[5])
          if found[n + 1] == 0 then
            call('PEXPIRE', current, ttl)
          end
          return number
        end

        """ + Owners + """
        local asked = {}
        for _, i in ipairs(seen) do
          asked[#asked + 1] = ids[i]
        end
        local own, mine, new, parts, left = owners(asked), {}, {}, {}, {}
        for i = 1, n do
          local id, s = ids[i], status[i] or 'a'
          local owner = own[id]
          if mine[id] then
            s = 'h'
            left[#left + 1] = format('%013d', lease)
          elseif owner and owner.ends > now then
            s = 'h'
            left[#left + 1] = format('%013d', owner.ends - now)
          elseif found[i] == 1 and not owner then
            s = 'c'
          elseif s == 'a' then
            if owner then
              s = owner.ends + retention > now and 't' or 'a'
              take(id, owner)
            end
            mine[id] = true
            new[#new + 1] = id
          end
          parts[i] = (s == 'a' or s == 't') and id or HOLE
          status[i] = s
        end
        if #new > 0 then
          write()
          call('HSET', hash, 't', number, 'b' .. number, format('%013d%04d', ends, #new) .. table.concat(parts))
          new[#new + 1] = MARK
          call('SADD', current, unpack(new))
          call('PEXPIRE', hash, ttl)
          call('PEXPIRE', current, ttl)
        end
        return number .. table.concat(status) .. table.concat(left)
        """);

    /// <summary>ARGV[6] are the runs. The answer: empty when all were ours, else '1' or '0' for each.</summary>
    public static string Complete { get; } = Script(Begin + Common + FirstWrite + Roll + Match + """
        if (tonumber(known[4]) or width) < width then
          call('HSET', hash, 'w', format('%d', width))
        end
        if ours then
          settle()
          call('PEXPIRE', current, ttl)
          return ''
        end

        """ + Judge + """
        local done = {}
        for i = 1, n do
          local id = ids[i]
          status[i] = '0'
          if isOurs(i) then
            status[i] = '1'
            if state[id] then
              take(id, state[id])
            else
              done[#done + 1] = id
            end
            state[id] = 'c'
          end
          plain = plain and status[i] == '1'
        end
        write()
        each('SADD', current, done)
        call('PEXPIRE', hash, ttl)
        call('PEXPIRE', current, ttl)
        return plain and '' or table.concat(status)
        """);

    /// <summary>ARGV[7] is the lease. The answer is that of <see cref="Complete"/>. A batch that is extended as a whole stays one.</summary>
    public static string Extend { get; } = Script(Begin + Common + FirstWrite + Roll + Match + """
        local ends, whole = format('%013d', now + tonumber(ARGV[7])), ours
        for _, text in pairs(after) do
          whole = whole and not text
        end
        if whole then
          for name, text in pairs(before) do
            call('HSET', hash, name, ends .. sub(text, 14))
          end
          call('PEXPIRE', current, ttl)
          return ''
        end

        """ + Judge + """
        local claims, new = {}, {}
        for i = 1, n do
          local id = ids[i]
          status[i] = '0'
          if isOurs(i) then
            status[i] = '1'
            if not state[id] then
              new[#new + 1] = id
            elseif state[id].batch then
              take(id, state[id])
            end
            state[id] = { token = token[i], ends = tonumber(ends) }
            claims[#claims + 1] = id
            claims[#claims + 1] = token[i] .. ends
          end
          plain = plain and status[i] == '1'
        end
        write()
        each('HSET', hash, claims)
        if #claims > 0 then
          new[#new + 1] = MARK
        end
        each('SADD', current, new)
        call('PEXPIRE', hash, ttl)
        call('PEXPIRE', current, ttl)
        return plain and '' or table.concat(status)
        """);

    /// <summary>Gives back the claims of the runs in ARGV[6]. No answer. What is claimed is in the current set, whether its time is over or not.</summary>
    public static string Release { get; } = Script(Begin + Common + FirstWrite + Match + Spell + Owners + """
        local released = ids
        if ours then
          settle()
        else
          local own = owners(ids)
          released = {}
          for i = 1, n do
            local owner = own[ids[i]]
            if owner and owner.token == token[i] then
              take(ids[i], owner)
              own[ids[i]] = nil
              released[#released + 1] = ids[i]
            end
          end
          write()
        end
        local set = tonumber(known[1])
        if set then
          each('SREM', KEYS[2 + set], released)
        end
        return ''
        """);

    /// <summary>
    /// One step through the claims, from the cursor in ARGV[5]: those that have lapsed for a retention are taken out. The answer: the next cursor, how many went, how many claims are left of
    /// those looked at, and all ids that are there. A step that took some out is made again: Garnet's cursor is a place, which moves with them.
    /// </summary>
    public static string Sweep { get; } = Script(Begin + Common + Roll + """
        local page = call('HSCAN', hash, ARGV[5], 'COUNT', '100')
        local gone, lapsed, left = {}, {}, 0
        for i = 1, #page[2], 2 do
          local name, value = page[2][i], page[2][i + 1]
          local ends = #name == 17 and sub(value, 1, 13) or #name == 16 and sub(value, 21)
          if ends and tonumber(ends) + retention <= now then
            gone[#gone + 1] = name
            for _, id in ipairs(claimed({ name, value })) do
              lapsed[#lapsed + 1] = id
            end
          elseif ends then
            left = left + (#name == 17 and tonumber(sub(value, 14, 17)) or 1)
          end
        end
        each('HDEL', hash, gone)
        each('SREM', current, lapsed)
        local ids = 0
        for s = 2, SETS + 1 do
          ids = ids + call('SCARD', KEYS[s])
        end
        return { #gone > 0 and ARGV[5] or page[1], #gone, left, ids - call('SMISMEMBER', current, MARK)[1] }
        """);

    private static string Script(string text) => text.Replace("SETS", Sets.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
