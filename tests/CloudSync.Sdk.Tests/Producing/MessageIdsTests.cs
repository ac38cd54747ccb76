using System.Collections.Concurrent;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Sdk.Tests.Producing;

public class MessageIdsTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, 123, TimeSpan.Zero);

    [Property]
    public void An_id_is_a_version_7_UUID_of_its_millisecond(ushort minutesLater)
    {
        // Later than all other tests of this process on this thread, which ids never go back behind.
        var at = Now.AddYears(100).AddMinutes(minutesLater);
        OnAFreshThread(() =>
        {
            var id = MessageIds.New(at);

            Assert.Equal(7, id.Version);
            Assert.InRange(id.Variant, 8, 11);
            Assert.Equal(at.ToUnixTimeMilliseconds(), Milliseconds(id));
        });
    }

    [Fact]
    public void Ids_of_a_thread_are_in_order_even_when_they_are_many_in_a_millisecond_and_the_clock_goes_back() =>
        OnAFreshThread(() =>
        {
            var ids = Enumerable.Range(0, 20_000).Select(i => MessageIds.New(i < 10_000 ? Now : Now.AddSeconds(-1)).ToString()).ToList();

            Assert.Equal(ids.Order(StringComparer.Ordinal), ids);
        });

    [Fact]
    public void Ids_of_many_threads_in_one_millisecond_are_unique()
    {
        var ids = new ConcurrentBag<Guid>();
        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (var i = 0; i < 50_000; i++)
                ids.Add(MessageIds.New(Now));
        })).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());

        Assert.Equal(400_000, ids.Distinct().Count());
    }

    [Fact]
    public void Sixty_two_bits_are_random()
    {
        // Each bit that is not time, sequence, version or variant is seen as 0 and as 1.
        ulong ones = 0, zeros = 0;
        for (var i = 0; i < 200; i++)
        {
            var low = Convert.ToUInt64(MessageIds.New(Now).ToString()[19..].Replace("-", "", StringComparison.Ordinal), 16);
            ones |= low;
            zeros |= ~low;
        }

        Assert.Equal(62UL, ulong.PopCount(ones & zeros));
    }

    private static long Milliseconds(Guid id) => Convert.ToInt64(id.ToString("N")[..12], 16);

    private static void OnAFreshThread(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(action));
        thread.Start();
        thread.Join();
        if (failure is not null)
            throw failure;
    }
}
