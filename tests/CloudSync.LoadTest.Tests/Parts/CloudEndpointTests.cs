using System.Text;
using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Load;
using CloudSync.LoadTest.Parts;
using CloudSync.LoadTest.Results;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace CloudSync.LoadTest.Tests.Parts;

public sealed class CloudEndpointTests
{
    private const int Messages = 200_000;
    private const int BatchSize = 500;

    private readonly LoadMessages _messages = new("run", LoadMessages.LeastPayload, 10_000);

    [Fact]
    public async Task What_comes_once_and_in_order_is_green()
    {
        var audit = await AuditAsync(Fault.None);

        Assert.True(audit.IsGreen, string.Join("; ", audit.Examples));
        Assert.Equal(Messages, audit.Arrived);
    }

    [Fact]
    public async Task One_message_in_a_hundred_thousand_that_is_dropped_is_found() => Assert.Equal((2, 0, 0), Faults(await AuditAsync(Fault.Drop)));

    [Fact]
    public async Task So_is_one_that_is_repeated() => Assert.Equal((0, 2, 0), Faults(await AuditAsync(Fault.Repeat)));

    [Fact]
    public async Task And_one_that_comes_after_a_later_one_of_its_key() => Assert.Equal((0, 0, 2), Faults(await AuditAsync(Fault.Reorder)));

    [Fact]
    public async Task What_is_no_batch_of_events_is_refused()
    {
        var endpoint = EndpointOf(Fault.None);

        Assert.Equal(StatusCodes.Status400BadRequest, await PostAsync(endpoint, "[]"));
        Assert.Equal(0, endpoint.Count.Arrived);
    }

    [Fact]
    public async Task It_says_how_long_messages_took_since_it_was_asked_last()
    {
        var endpoint = EndpointOf(Fault.None);
        await PostAsync(endpoint, Batch(0, 3, DateTimeOffset.UtcNow.AddSeconds(-1)));

        var latency = endpoint.NextLatency();

        Assert.Equal(3, latency.Count);
        Assert.True(latency.P50 >= 999);
        Assert.Equal(0, endpoint.NextLatency().Count);
    }

    [Fact]
    public async Task And_since_when_they_have_come()
    {
        var endpoint = EndpointOf(Fault.None);
        await PostAsync(endpoint, Batch(0, 1, DateTimeOffset.UtcNow));
        Assert.True(SpinWait.SpinUntil(() => endpoint.Count.SinceFirst > 0.05, TimeSpan.FromSeconds(30)));
        await PostAsync(endpoint, Batch(1, 1, DateTimeOffset.UtcNow));
        Assert.True(endpoint.Count.SinceFirst > 0.05);

        endpoint.NextLatency();

        Assert.Equal(0, endpoint.Count.SinceFirst);
    }

    private static (long Lost, long Duplicates, long OutOfOrder) Faults(AuditResult audit)
    {
        Assert.False(audit.IsGreen);
        return (audit.Lost, audit.Duplicates, audit.OutOfOrder);
    }

    private async Task<AuditResult> AuditAsync(Fault fault)
    {
        var accepted = new AcceptedLedger();
        accepted.Reserve(Messages);
        for (var number = 0; number < Messages; number++)
            accepted.Add(number, number % 10_000 % 12, number);

        var endpoint = EndpointOf(fault);
        for (var first = 0; first < Messages; first += BatchSize)
            Assert.Equal(StatusCodes.Status200OK, await PostAsync(endpoint, Batch(first, BatchSize, DateTimeOffset.UtcNow)));

        using var order = new MemoryStream();
        endpoint.Ledger.Write(order);
        return Auditor.Audit("aws", accepted, new Arrivals(Arrivals.ReadOrder(new MemoryStream(order.ToArray())), endpoint.Count.Duplicates, endpoint.Count.Invented), new HashSet<long>(), _messages.KeyNumberOf);
    }

    private CloudEndpoint EndpointOf(Fault fault) => new(new Events(_messages.Run, _messages.PayloadBytes), TimeSpan.Zero, fault);

    private string Batch(int first, int count, DateTimeOffset due)
    {
        var body = new StringBuilder("[");
        for (var number = first; number < first + count; number++)
        {
            body.Append(number == first ? "" : ",").Append("{\"specversion\":\"1.0\",\"id\":\"").Append(_messages.IdOf(number)).Append("\",\"data\":")
                .Append(Encoding.UTF8.GetString(_messages.PayloadOf(number, due))).Append('}');
        }

        return body.Append(']').ToString();
    }

    private static async Task<int> PostAsync(CloudEndpoint endpoint, string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var context = new DefaultHttpContext { Request = { Body = new MemoryStream(bytes), ContentLength = bytes.Length } };
        await endpoint.HandleAsync(context);
        return context.Response.StatusCode;
    }
}
