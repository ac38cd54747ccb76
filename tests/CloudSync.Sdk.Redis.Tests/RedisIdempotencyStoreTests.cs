using CloudSync.Sdk.Testing;
using CloudSync.Sdk.Tests;
using Microsoft.Extensions.Logging.Testing;
using Microsoft.Extensions.Time.Testing;
using StackExchange.Redis;
using Xunit;

namespace CloudSync.Sdk.Redis.Tests;

/// <summary>What the contract says, and what is this store's own, by a clock that the test turns.</summary>
public sealed class RedisIdempotencyStoreTests
{
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    private static TimeSpan Bucket => StoreUnderTest.Retention / StoreScripts.Buckets;

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task An_id_is_acquired_held_and_completed_once(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var claim = await test.AcquireAsync(1);
        test.Wait(TimeSpan.FromSeconds(4));

        Assert.Equal(ClaimResult.HeldByAnother(TimeSpan.FromSeconds(6)), (await test.ClaimAsync(1))[0]);
        Assert.Equal("1", await test.CompleteAsync(claim));
        Assert.Equal("0", await test.CompleteAsync(claim));
        Assert.Equal("0", await test.ExtendAsync(claim));
        await test.ReleaseAsync(claim);
        Assert.Equal("c", await test.LettersAsync(1));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task A_claim_that_lapsed_is_its_owners_until_another_takes_it_over(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var (first, second) = (await test.AcquireAsync(1), await test.AcquireAsync(2));
        test.Wait(StoreUnderTest.Lease - Tick);
        Assert.Equal("hh", await test.LettersAsync(1, 2));

        test.Wait(Tick);
        Assert.Equal("1", await test.CompleteAsync(first));
        var taken = (await test.ClaimAsync(2))[0];

        Assert.True(taken is { Status: ClaimStatus.Acquired, TookOver: true });
        Assert.True(taken.Token > second.Token);
        Assert.Equal("0", await test.CompleteAsync(second));
        Assert.Equal("0", await test.ExtendAsync(second));
        await test.ReleaseAsync(second);
        Assert.Equal("h", await test.LettersAsync(2));
        Assert.Equal("1", await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(2), taken.Token)));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task An_id_whose_hash_is_the_mark_of_an_empty_place_takes_no_message_of_others(On on)
    {
        // Whoever chooses ids can make one whose hash is sixteen hyphens.
        var crafted = new IdempotencyKey(0x2D2D2D2D2D2D2D2D, 0x2D2D2D2D2D2D2D2D);
        await using var test = await StoreUnderTest.StartAsync(on);
        var claims = await test.ClaimAsync(1, 2, 3);
        Assert.Equal("1", await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(1), claims[0].Token)));
        var results = new ClaimResult[1];
        var answers = "";
        for (var i = 0; i < 4; i++)
        {
            await test.Store.ClaimAsync(new[] { crafted }, StoreUnderTest.Lease, results, TestContext.Current.CancellationToken);
            answers += StoreUnderTest.Letters(results);
            test.Wait(StoreUnderTest.Lease + TimeSpan.FromSeconds(1));
        }

        Assert.Equal("attt", answers);
        Assert.Equal("tt", await test.LettersAsync(2, 3));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task A_claim_that_lapsed_for_a_retention_is_forgotten(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        await test.AcquireAsync(1);
        await test.AcquireAsync(2);
        await test.AcquireAsync(3);
        test.Wait(StoreUnderTest.Lease + StoreUnderTest.Retention - Tick);
        Assert.Equal("t", await test.LettersAsync(1));
        Assert.Equal("0", await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(2), 7)));

        test.Wait(Tick);

        Assert.Equal("a", await test.LettersAsync(2));
        Assert.Equal("1", await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(3), 7)));
        Assert.Equal("c", await test.LettersAsync(3));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task An_extended_claim_holds_for_a_whole_lease_more_and_a_forgotten_one_is_made_again(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var claim = await test.AcquireAsync(1);
        test.Wait(StoreUnderTest.Lease - Tick);
        Assert.Equal("11", await test.ExtendAsync(claim, new IdempotencyClaim(StoreUnderTest.Id(2), 7)));

        test.Wait(StoreUnderTest.Lease - Tick);
        Assert.Equal("hh", await test.LettersAsync(1, 2));
        Assert.Equal("01", await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(2), 8), new IdempotencyClaim(StoreUnderTest.Id(2), 7)));
    }

    /// <summary>Made after all, behind the release, it would hold the id for nobody.</summary>
    [Fact]
    public async Task An_extension_that_was_given_up_before_it_was_sent_is_not_made()
    {
        await using var test = await StoreUnderTest.StartAsync(On.Embedded);
        var connected = new TaskCompletionSource<IConnectionMultiplexer>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var late = new RedisIdempotencyStore(new RedisConnection(() => connected.Task, isOurs: false, null), test.Settings with { MaxCallsInFlight = 1 });
        var claim = await test.AcquireAsync(1);
        using var giveUp = new CancellationTokenSource();
        var extension = late.ExtendAsync(new[] { claim }, StoreUnderTest.Lease, new bool[1], giveUp.Token).AsTask();
        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => extension);
        await test.ReleaseAsync(claim);

        // Waits for the place that the extension has.
        var next = new ClaimResult[1];
        var claiming = late.ClaimAsync(new[] { StoreUnderTest.Id(1) }, StoreUnderTest.Lease, next, TestContext.Current.CancellationToken).AsTask();
        connected.SetResult(test.Connection);
        await claiming;

        Assert.Equal("a", StoreUnderTest.Letters(next));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task A_released_id_is_the_next_ones_at_once(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var claim = await test.AcquireAsync(1);
        await test.ReleaseAsync(claim with { Token = claim.Token + 1 });
        Assert.Equal("h", await test.LettersAsync(1));

        await test.ReleaseAsync(claim);

        var next = (await test.ClaimAsync(1))[0];
        Assert.True(next is { Status: ClaimStatus.Acquired, TookOver: false } && next.Token > claim.Token);
    }

    [Theory]
    [InlineData(On.Embedded, 1)]
    [InlineData(On.Real, 1)]
    [InlineData(On.Real, 3)]
    public async Task An_id_twice_in_a_batch_is_held_by_the_first_and_completed_once(On on, int shards)
    {
        await using var test = await StoreUnderTest.StartAsync(on, shards);

        var results = await test.ClaimAsync(1, 2, 1, 3, 2);

        Assert.Equal("aahah", StoreUnderTest.Letters(results));
        Assert.Equal(StoreUnderTest.Lease, results[2].HeldFor);
        var (one, two) = (new IdempotencyClaim(StoreUnderTest.Id(1), results[0].Token), new IdempotencyClaim(StoreUnderTest.Id(2), results[1].Token));
        var nobodys = new IdempotencyClaim(StoreUnderTest.Id(4), 0);
        Assert.Equal("11011", await test.ExtendAsync(one, one, one with { Token = 1 }, two, nobodys));
        Assert.Equal("0100110", await test.CompleteAsync(one with { Token = 1 }, one, one, one with { Token = 1 }, two, nobodys, two));
        Assert.Equal("ccc", await test.LettersAsync(1, 2, 4));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task All_answers_of_a_large_batch_come_back_to_their_places(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on, shards: 3);
        var ids = Enumerable.Range(0, 2_500).ToArray();
        var claims = (await test.ClaimAsync(ids)).Select((result, i) => new IdempotencyClaim(StoreUnderTest.Id(i), result.Token)).ToArray();

        // Every third is completed, every third released, and the wrong token changes nothing.
        Assert.All(await test.CompleteAsync([.. claims.Where((_, i) => i % 3 == 0)]), letter => Assert.Equal('1', letter));
        await test.ReleaseAsync([.. claims.Where((_, i) => i % 3 == 1)]);
        test.Wait(TimeSpan.FromSeconds(1));

        var again = await test.ClaimAsync(ids);

        Assert.All(ids, i => Assert.Equal("cah"[i % 3], StoreUnderTest.Letters([again[i]])[0]));
        Assert.All(ids.Where(i => i % 3 == 2), i => Assert.Equal(TimeSpan.FromSeconds(9), again[i].HeldFor));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task A_completed_id_is_remembered_for_a_retention_and_at_most_a_bucket_longer(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var step = Bucket / 5;
        var completedAt = new Dictionary<int, TimeSpan>();
        var now = TimeSpan.Zero;
        for (var i = 0; i < 60; i++)
        {
            Assert.Equal("1", await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(i), 0)));
            completedAt[i] = now;
            test.Wait(step);
            now += step;

                foreach (var (id, at) in completedAt.ToList())
            {
                var claim = (await test.ClaimAsync(id))[0];
                if (now - at < StoreUnderTest.Retention)
                    Assert.Equal(ClaimStatus.Completed, claim.Status);
                if (now - at >= StoreUnderTest.Retention + Bucket)
                    Assert.Equal(ClaimStatus.Acquired, claim.Status);
                if (claim.Status == ClaimStatus.Acquired)
                    completedAt.Remove(id);
            }
        }

        Assert.True(completedAt.Count < 30);
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task After_a_long_silence_what_is_past_its_retention_is_gone_at_once(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(1), 0));
        test.Wait(StoreUnderTest.Retention * 7);

        Assert.Equal("a", await test.LettersAsync(2));
        Assert.Equal(1, await test.IdsInRedisAsync());
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task A_clock_that_goes_back_forgets_nothing_and_does_not_stop_the_ring(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(1), 0));
        var before = await test.AcquireAsync(2);
        test.Wait(-TimeSpan.FromDays(365));
        Assert.Equal("c", await test.LettersAsync(1));
        Assert.True((await test.AcquireAsync(3)).Token > before.Token);

        test.Wait(StoreUnderTest.Retention - Tick);
        Assert.Equal("c", await test.LettersAsync(1));

        test.Wait(Tick + Bucket);
        Assert.Equal("a", await test.LettersAsync(1));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task Members_with_different_retentions_go_on_together(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        await using var other = new RedisIdempotencyStore(test.Connection, test.Settings with { Retention = StoreUnderTest.Retention * 3 });
        var results = new bool[1];
        for (var i = 0; i < 100; i++)
        {
            await other.CompleteAsync(new[] { new IdempotencyClaim(StoreUnderTest.Id(1_000 + i), 0) }, results, CancellationToken.None);
            Assert.Equal("1", await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(i), 0)));
            test.Wait(Bucket / 3);
            Assert.Equal("c", await test.LettersAsync(i));
            Assert.Equal("c", await test.LettersAsync(1_000 + i));
        }

        // Three buckets of at most a third of the longer one's, and not all that ever was.
        Assert.True(await test.IdsInRedisAsync() < 120);
    }

    /// <summary>The bucket that it finds was begun with a width of hours, and has been filled until a moment ago.</summary>
    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task A_retention_that_is_lowered_in_a_rolling_deploy_is_kept_for_what_was_completed_before(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        await using var longer = new RedisIdempotencyStore(test.Connection, test.Settings with { Retention = StoreUnderTest.Retention * 24 });
        var results = new bool[1];
        await longer.CompleteAsync(new[] { new IdempotencyClaim(StoreUnderTest.Id(1), 0) }, results, CancellationToken.None);
        test.Wait(Bucket * 20);
        await longer.CompleteAsync(new[] { new IdempotencyClaim(StoreUnderTest.Id(2), 0) }, results, CancellationToken.None);

        for (var i = 0; i < StoreScripts.Buckets; i++)
        {
            Assert.Equal("c", await test.LettersAsync(2));
            test.Wait(Bucket - TimeSpan.FromMilliseconds(1));
        }

        test.Wait(Bucket * 2);
        Assert.Equal("a", await test.LettersAsync(2));
    }

    /// <summary>The bucket was begun with a short width, and who fills it does not turn the ring for a long while.</summary>
    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task What_a_member_of_long_retention_completed_is_not_forgotten_when_one_of_short_retention_turns_the_ring(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var retention = StoreUnderTest.Retention / 5;
        await using var shorter = new RedisIdempotencyStore(test.Connection, test.Settings with { Retention = retention });
        var result = new ClaimResult[1];
        await shorter.ClaimAsync(new[] { StoreUnderTest.Id(1) }, StoreUnderTest.Lease, result, CancellationToken.None);
        test.Wait(Bucket - TimeSpan.FromSeconds(2));
        Assert.Equal("1", await test.CompleteAsync(await test.AcquireAsync(2)));

        // At once, and as long as the shorter one remembers.
        foreach (var later in new[] { TimeSpan.FromSeconds(1), retention - TimeSpan.FromSeconds(1) - Tick })
        {
            test.Wait(later);
            await shorter.ClaimAsync(new[] { StoreUnderTest.Id(2) }, StoreUnderTest.Lease, result, CancellationToken.None);
            Assert.Equal("c", StoreUnderTest.Letters(result));
        }
    }

    /// <summary>As when a server falls over to one whose clock is behind, and back.</summary>
    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task A_clock_that_goes_back_and_forward_again_forgets_nothing(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        test.Wait(StoreUnderTest.Retention);
        Assert.Equal("1", await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(1), 0)));
        test.Wait(-StoreUnderTest.Retention * 2);
        Assert.Equal("ca", await test.LettersAsync(1, 2));
        test.Wait((StoreUnderTest.Retention * 2) + TimeSpan.FromSeconds(1));
        Assert.Equal("c", await test.LettersAsync(1));
    }

    /// <summary>Nothing tells a jump from time in which nobody came.</summary>
    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task A_clock_that_jumps_ahead_by_one_and_a_half_retentions_forgets_what_was_completed_just_now_and_by_less_than_one_does_not(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(1), 0));
        test.Wait(StoreUnderTest.Retention - Tick);
        Assert.Equal("c", await test.LettersAsync(1));

        await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(2), 0));
        test.Wait(StoreUnderTest.Retention * 1.5);
        Assert.Equal("a", await test.LettersAsync(2));
    }

    [Fact]
    public async Task Of_two_in_a_batch_that_is_more_than_a_script_takes_the_first_is_acquired()
    {
        await using var test = await StoreUnderTest.StartAsync(On.Embedded, maxCallsInFlight: 2);
        for (var round = 0; round < 50; round++)
        {
            var ids = Enumerable.Range(round * 10_000, 1_500).ToList();
            ids.Add(ids[0]);
            var results = await test.ClaimAsync([.. ids]);
            Assert.Equal((ClaimStatus.Acquired, ClaimStatus.Held), (results[0].Status, results[^1].Status));
        }
    }

    [Fact]
    public async Task A_connection_of_the_users_that_is_disposed_of_is_said_and_the_store_ends_all_the_same()
    {
        await using var server = await EmbeddedRedis.StartAsync();
        var connection = await ConnectionMultiplexer.ConnectAsync(server.Address);
        var time = new FakeTimeProvider();
        var log = new FakeLogger();
        var store = new RedisIdempotencyStore(connection, new RedisStoreSettings { Group = "g", CleanupInterval = TimeSpan.FromSeconds(10) }, time, log);
        await store.ClaimAsync(new[] { StoreUnderTest.Id(1) }, StoreUnderTest.Lease, new ClaimResult[1], CancellationToken.None);
        await connection.DisposeAsync();

        var error = await Assert.ThrowsAsync<RedisStoreException>(
            async () => await store.ClaimAsync(new[] { StoreUnderTest.Id(1) }, StoreUnderTest.Lease, new ClaimResult[1], CancellationToken.None));
        Assert.Contains("has been disposed of", error.Message, StringComparison.Ordinal);
        time.Advance(TimeSpan.FromSeconds(10));
        await Eventually.True(() => log.Collector.GetSnapshot().Any(record => record.Id.Id == 1304));
        await store.DisposeAsync();
        await store.DisposeAsync();
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task With_the_claims_lost_completed_ids_are_still_known_for_their_retention(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        for (var i = 0; i < 7; i++)
        {
            await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(i), 0));
            test.Wait(Bucket);
        }

        await test.Database.KeyDeleteAsync("{cloudsync:group:0}:2:claims");

        Assert.Equal("cc", await test.LettersAsync(5, 6));
        for (var left = StoreUnderTest.Retention - Bucket - Tick; left > TimeSpan.Zero; left -= Bucket)
        {
            test.Wait(left < Bucket ? left : Bucket);
            Assert.Equal("c", await test.LettersAsync(6));
        }
    }

    /// <summary>Nobody knows then which ids of the set that is filled were delivered, and which were only about to be.</summary>
    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task With_the_claims_lost_what_was_claimed_is_not_taken_for_completed(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        await test.CompleteAsync(await test.AcquireAsync(1));
        await test.AcquireAsync(2);
        test.Wait(Bucket);
        await test.AcquireAsync(3);

        await test.Database.KeyDeleteAsync("{cloudsync:group:0}:2:claims");

        Assert.Equal("caa", await test.LettersAsync(1, 2, 3));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task What_is_claimed_outlives_the_ring_and_is_remembered_from_its_completion_on(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var claims = (await test.ClaimAsync([.. Enumerable.Range(0, 40)])).Select((result, i) => new IdempotencyClaim(StoreUnderTest.Id(i), result.Token)).ToArray();
        for (var passed = TimeSpan.Zero; passed < StoreUnderTest.Retention * 3; passed += StoreUnderTest.Lease / 2)
        {
            test.Wait(StoreUnderTest.Lease / 2);
            Assert.DoesNotContain('0', await test.ExtendAsync(claims));
            Assert.Equal("hh", await test.LettersAsync(0, 39));
        }

        Assert.Equal("1111", await test.CompleteAsync(claims[0], claims[1], claims[20], claims[39]));
        await test.ReleaseAsync(claims[2], claims[30]);
        test.Wait(StoreUnderTest.Lease - Tick);
        Assert.Equal("ccccaahh", await test.LettersAsync(0, 1, 20, 39, 2, 30, 3, 38));

        test.Wait(StoreUnderTest.Retention - StoreUnderTest.Lease);
        Assert.Equal("cccc", await test.LettersAsync(0, 1, 20, 39));
        Assert.Equal("tt", await test.LettersAsync(3, 38));
    }

    /// <summary>One by one, in runs, in any order, with some twice; against a plain picture of what each id should be.</summary>
    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task Parts_of_a_batch_go_their_own_ways(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var random = new Random(7);
        var ids = Enumerable.Range(0, 300).ToArray();
        var claims = (await test.ClaimAsync(ids)).Select((result, i) => new IdempotencyClaim(StoreUnderTest.Id(i), result.Token)).ToArray();
        var picture = ids.Select(_ => 'h').ToArray();
        while (picture.Contains('h'))
        {
            var first = random.Next(ids.Length);
            var part = random.Next(2) == 0 ? [.. Enumerable.Range(first, Math.Min(random.Next(1, 60), ids.Length - first))] : random.GetItems(ids, random.Next(1, 40));
            switch (random.Next(3))
            {
                case 0:
                    var done = await test.CompleteAsync([.. part.Select(i => claims[i])]);
                    for (var i = 0; i < part.Length; i++)
                    {
                        Assert.Equal(picture[part[i]] != 'c' ? '1' : '0', done[i]);
                        picture[part[i]] = 'c';
                    }

                    break;
                case 1:
                    var extended = await test.ExtendAsync([.. part.Select(i => claims[i])]);
                    for (var i = 0; i < part.Length; i++)
                    {
                        Assert.Equal(picture[part[i]] != 'c' ? '1' : '0', extended[i]);
                        picture[part[i]] = picture[part[i]] == 'c' ? 'c' : 'h';
                    }

                    break;
                default:
                    await test.ReleaseAsync([.. part.Select(i => claims[i])]);
                    foreach (var i in part)
                        picture[i] = picture[i] == 'c' ? 'c' : 'r';

                    break;
            }

            var held = ids.Where(i => picture[i] != 'r').ToArray();
            Assert.Equal(string.Concat(held.Select(i => picture[i])), await test.LettersAsync(held));
        }

        Assert.All(await test.LettersAsync([.. ids.Where(i => picture[i] == 'r')]), letter => Assert.Equal('a', letter));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task Tokens_rise_also_over_a_server_that_lost_all(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var first = await test.AcquireAsync(1);
        var many = await test.ClaimAsync([.. Enumerable.Range(10, 1_000)]);
        await test.ReleaseAsync(first);
        var second = await test.AcquireAsync(1);
        Assert.True(second.Token > many.Max(result => result.Token) && many.All(result => result.Token > first.Token));

        // By the clock then: a token for each microsecond at most.
        await test.Database.ExecuteAsync("FLUSHALL");
        test.Wait(TimeSpan.FromSeconds(1));

        Assert.True((await test.AcquireAsync(1)).Token > second.Token);
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task A_server_that_forgot_the_scripts_is_given_them_again(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var claim = await test.AcquireAsync(1);
        await test.Database.ExecuteAsync("SCRIPT", "FLUSH");

        Assert.Equal("h", await test.LettersAsync(1));
        await test.Database.ExecuteAsync("SCRIPT", "FLUSH");
        Assert.Equal("1", await test.CompleteAsync(claim));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task A_sweep_takes_out_what_lapsed_for_a_retention_and_counts_the_rest(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on, shards: 2);
        await test.ClaimAsync([.. Enumerable.Range(0, 3_000)]);
        test.Wait(StoreUnderTest.Lease + StoreUnderTest.Retention - Bucket);
        await test.ClaimAsync([.. Enumerable.Range(3_000, 10)]);
        await test.CompleteAsync([.. Enumerable.Range(4_000, 500).Select(i => new IdempotencyClaim(StoreUnderTest.Id(i), 0))]);
        await test.Store.SweepAsync(CancellationToken.None);
        Assert.Equal((3_510, 1), (test.Store.Statistics.Entries, test.Store.Statistics.CleanUps));

        test.Wait(Bucket);
        await test.Store.SweepAsync(CancellationToken.None);

        Assert.Equal((510, 2), (test.Store.Statistics.Entries, test.Store.Statistics.CleanUps));
        Assert.InRange(test.Store.Statistics.Bytes, 500 * 50, 510 * 200);

        // Two batches of five, and five fields of its own in each part.
        Assert.Equal(2 + (2 * 5), await test.Database.HashLengthAsync("{cloudsync:group:0}:2:claims") + await test.Database.HashLengthAsync("{cloudsync:group:1}:2:claims"));
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task The_statistics_count_what_was_asked(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        var results = await test.ClaimAsync(1, 2, 1);
        await test.CompleteAsync(new IdempotencyClaim(StoreUnderTest.Id(1), results[0].Token));
        test.Wait(StoreUnderTest.Lease);
        await test.ClaimAsync(1, 2);

        Assert.Equal(new IdempotencyStatistics { Claims = 5, Duplicates = 1, Contended = 1, Takeovers = 1 }, test.Store.Statistics);
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task No_key_stays_for_ever(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        for (var i = 0; i < 5; i++)
        {
            await test.CompleteAsync(await test.AcquireAsync(i));
            test.Wait(Bucket);
        }

        var keys = new RedisShard("cloudsync", "group", 0).Keys;
        Assert.All(
            await Task.WhenAll(keys.Select(key => test.Database.KeyTimeToLiveAsync(key))),
            left => Assert.InRange(left!.Value, StoreUnderTest.Retention * 2, TimeSpan.FromHours(3)));
    }

    [Fact]
    public async Task Few_claims_are_a_table_too_for_a_list_is_read_from_its_beginning()
    {
        await using var test = await StoreUnderTest.StartAsync(On.Real);
        await test.AcquireAsync(1);

        Assert.Equal("hashtable", (string?)await test.Database.ExecuteAsync("OBJECT", "ENCODING", "{cloudsync:group:0}:2:claims"));
    }

    [Theory]
    [InlineData("{orders}", "{cloudsync:%7Borders%7D:0}:2:claims")]
    [InlineData("a:b", "{cloudsync:a%3Ab:0}:2:claims")]
    [InlineData("aws-sync-group", "{cloudsync:aws-sync-group:0}:2:claims")]
    public void The_name_of_a_group_stays_within_the_part_of_a_key_that_makes_its_slot(string group, string key) =>
        Assert.Equal((RedisKey)key, new RedisShard("cloudsync", group, 0).Keys[0]);

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task Groups_know_nothing_of_each_other(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        await using var other = new RedisIdempotencyStore(test.Connection, test.Settings with { Group = "another" });
        await test.CompleteAsync(await test.AcquireAsync(1));
        var results = new ClaimResult[1];

        await other.ClaimAsync(new[] { StoreUnderTest.Id(1) }, StoreUnderTest.Lease, results, CancellationToken.None);

        Assert.Equal(ClaimStatus.Acquired, results[0].Status);
    }

    [Theory]
    [InlineData(On.Embedded)]
    [InlineData(On.Real)]
    public async Task Without_a_clock_of_the_tests_leases_run_by_the_servers(On on)
    {
        await using var test = await StoreUnderTest.StartAsync(on);
        await using var store = new RedisIdempotencyStore(test.Connection, test.Settings with { Clock = null, Group = "real time" });
        var results = new ClaimResult[1];
        var id = new[] { StoreUnderTest.Id(1) };
        var lease = TimeSpan.FromMilliseconds(200);
        await store.ClaimAsync(id, lease, results, CancellationToken.None);
        var first = results[0];
        Assert.InRange((first.Token >> StoreScripts.PlaceBits) / 1_000, DateTimeOffset.UtcNow.AddMinutes(-1).ToUnixTimeMilliseconds(), DateTimeOffset.UtcNow.AddMinutes(1).ToUnixTimeMilliseconds());

        do
            await store.ClaimAsync(id, lease, results, CancellationToken.None);
        while (results[0].Status == ClaimStatus.Held && results[0].HeldFor <= lease);

        Assert.True(results[0] is { Status: ClaimStatus.Acquired, TookOver: true } && results[0].Token > first.Token);
    }
}
