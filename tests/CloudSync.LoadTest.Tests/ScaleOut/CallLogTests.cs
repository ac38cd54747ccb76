using System.Security.Cryptography;
using System.Text;
using CloudSync.LoadTest.ScaleOut;
using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

public sealed class CallLogTests
{
    [Fact]
    public void What_was_written_is_read_again()
    {
        var log = new CallLog();
        log.Answer(log.Begin(member: 3, hasItsKey: true, foreign: 0, [1, 2]));
        log.Begin(member: 4, hasItsKey: false, foreign: 5, []);
        using var file = new MemoryStream();
        log.Write(file);

        var calls = CallLog.Read(new MemoryStream(file.ToArray()));

        Assert.Equal([(3, true, 0, 2), (4, false, 5, 0)], calls.Select(call => (call.Member, call.HasItsKey, call.Foreign, call.Numbers.Length)));
        Assert.Equal([1L, 2L], calls[0].Numbers);
        Assert.True(calls[0].Answered >= calls[0].Arrived);
        Assert.Null(calls[1].Answered);
        Assert.True(calls[1].Arrived >= calls[0].Arrived);
    }

    [Fact]
    public void A_message_that_comes_again_is_one_that_has_arrived()
    {
        var log = new CallLog();
        log.Begin(0, hasItsKey: true, 0, [1, 2]);
        log.Begin(1, hasItsKey: true, 0, [2, 3]);

        Assert.Equal(3, log.Arrived);
    }

    [Fact]
    public void The_order_of_arrivals_is_that_of_the_first_time()
    {
        Call[] calls = [Call(0, 4, 2), Call(1, 2, 0), Call(2, 9)];

        Assert.Equal([3, 0, 2, 0, 1], Evaluation.Order(calls, sent: 5));
    }

    [Fact]
    public void Seconds_begin_with_the_first_arrival() => Assert.Equal([3, 0, 1], Evaluation.PerSecond([Call(10.5, 1, 2), Call(11.4, 3), Call(12.6, 4)]));

    [Fact]
    public void The_key_of_a_batch_is_the_hash_of_its_ids_each_after_its_length()
    {
        byte[] ids = [0, 0, 0, 16, .. "run-000000000007"u8, 0, 0, 0, 16, .. Encoding.ASCII.GetBytes("run-000000000012")];

        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(ids)), BatchKey.Of("run", [7, 12]));
        Assert.NotEqual(BatchKey.Of("run", [7, 12]), BatchKey.Of("run", [12, 7]));
    }

    private static Call Call(double second, params long[] numbers) => new(0, TimeSpan.FromSeconds(second), null, HasItsKey: true, 0, numbers);
}
