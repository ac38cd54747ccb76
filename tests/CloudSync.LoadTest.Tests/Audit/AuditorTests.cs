using CloudSync.LoadTest.Audit;
using CloudSync.LoadTest.Results;
using Xunit;

namespace CloudSync.LoadTest.Tests.Audit;

public sealed class AuditorTests
{
    private const int Keys = 10;

    private readonly AcceptedLedger _accepted = new();
    private readonly ArrivalLedger _arrived = new();

    [Fact]
    public void A_run_in_which_all_arrives_once_and_in_order_is_green()
    {
        Accept(1_000);
        Arrive(Enumerable.Range(0, 1_000));

        var audit = Audit();

        Assert.True(audit.IsGreen);
        Assert.Equal((1_000, 1_000), (audit.Accepted, audit.Arrived));
        Assert.Empty(audit.Examples);
    }

    [Fact]
    public void Keys_may_overtake_each_other()
    {
        Accept(1_000);
        Arrive(Enumerable.Range(0, 1_000).OrderBy(number => number % Keys));

        Assert.True(Audit().IsGreen);
    }

    [Fact]
    public void A_message_that_does_not_arrive_is_lost()
    {
        Accept(1_000);
        Arrive(Enumerable.Range(0, 1_000).Where(number => number != 500));

        var audit = Audit();

        Assert.False(audit.IsGreen);
        Assert.Equal(1, audit.Lost);
        Assert.Equal("500 was acknowledged at 0/500 and has not arrived", audit.Examples.Single());
    }

    [Fact]
    public void After_an_interrupt_it_has_not_arrived_yet_and_is_no_fault()
    {
        Accept(1_000);
        Arrive(Enumerable.Range(0, 900));

        var audit = Audit(isWhole: false);

        Assert.True(audit.IsGreen);
        Assert.Equal((0, 100), (audit.Lost, audit.NotArrivedYet));
        Assert.Empty(audit.Examples);
    }

    [Fact]
    public void Nor_is_the_last_one_forgotten()
    {
        Accept(1_000);
        Arrive(Enumerable.Range(0, 999));

        Assert.Equal(1, Audit().Lost);
    }

    [Fact]
    public void A_dead_letter_is_not_lost()
    {
        Accept(1_000);
        Arrive(Enumerable.Range(1, 999));

        var audit = Audit(deadLetters: 0);

        Assert.True(audit.IsGreen);
        Assert.Equal(1, audit.DeadLetters);
    }

    [Fact]
    public void A_dead_letter_of_one_that_has_arrived_hides_no_other_that_is_lost()
    {
        Accept(1_000);
        Arrive(Enumerable.Range(0, 1_000).Where(number => number != 500));

        var audit = Audit(deadLetters: 3);

        Assert.False(audit.IsGreen);
        Assert.Equal((1, 1), (audit.Lost, audit.DeadLetters));
    }

    [Fact]
    public void A_message_that_comes_again_is_a_duplicate()
    {
        Accept(1_000);
        Arrive([.. Enumerable.Range(0, 1_000), 500]);

        var audit = Audit();

        Assert.False(audit.IsGreen);
        Assert.Equal((1_000, 1), (audit.Arrived, audit.Duplicates));
        Assert.Equal((0, 0), (audit.Lost, audit.OutOfOrder));
    }

    [Fact]
    public void A_message_that_comes_before_an_earlier_one_of_its_key_is_out_of_order()
    {
        Accept(1_000);
        var order = Enumerable.Range(0, 1_000).ToList();
        (order[500], order[500 + Keys]) = (order[500 + Keys], order[500]);
        Arrive(order);

        var audit = Audit();

        Assert.False(audit.IsGreen);
        Assert.Equal(1, audit.OutOfOrder);
        Assert.Equal("500 at 0/500 has arrived after 510 at 0/510, which has the same key", audit.Examples.Single());
    }

    [Fact]
    public void The_order_is_that_in_which_Kafka_took_them()
    {
        // Two requests at the same time: the second number was taken first.
        _accepted.Reserve(2 * Keys);
        _accepted.Add(Keys, 0, 1);
        _accepted.Add(0, 0, 2);
        Arrive([Keys, 0]);

        Assert.True(Audit().IsGreen);
    }

    [Fact]
    public void A_key_in_two_partitions_has_no_order()
    {
        _accepted.Reserve(2 * Keys);
        _accepted.Add(0, 0, 1);
        _accepted.Add(Keys, 1, 2);
        Arrive([0, Keys]);

        Assert.Equal(1, Audit().OutOfOrder);
    }

    [Fact]
    public void What_arrives_though_its_answer_was_an_error_is_no_violation()
    {
        _accepted.Reserve(2);
        _accepted.Add(0, 0, 0);
        Arrive([0, 1]);

        var audit = Audit();

        Assert.True(audit.IsGreen);
        Assert.Equal(1, audit.Unanswered);
    }

    [Fact]
    public void What_was_not_acknowledged_and_does_not_arrive_is_not_lost()
    {
        _accepted.Reserve(2);
        _accepted.Add(0, 0, 0);
        Arrive([0]);

        Assert.True(Audit().IsGreen);
    }

    [Fact]
    public void What_nobody_sent_is_invented()
    {
        Accept(10);
        Arrive([.. Enumerable.Range(0, 11)]);
        _arrived.AddInvented(2);

        Assert.Equal(3, Audit().Invented);
        Assert.False(Audit().IsGreen);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(Pages<int>.Length)]
    public void Nor_does_a_number_without_a_place_break_the_ledger(long number)
    {
        _arrived.Add(number);

        Assert.Equal(1, _arrived.Invented);
    }

    [Fact]
    public async Task Arrivals_at_the_same_time_are_all_noted()
    {
        const int Count = 200_000;
        Accept(Count);

        await Task.WhenAll(Enumerable.Range(0, Keys).Select(key => Task.Run(() =>
        {
            for (var number = key; number < Count; number += Keys)
                _arrived.Add(number);
        })));

        var audit = Audit();
        Assert.True(audit.IsGreen);
        Assert.Equal(Count, audit.Arrived);
    }

    private void Accept(int count)
    {
        _accepted.Reserve(count);
        for (var number = 0; number < count; number++)
            _accepted.Add(number, 0, number);
    }

    private void Arrive(IEnumerable<int> numbers)
    {
        foreach (var number in numbers)
            _arrived.Add(number);
    }

    private AuditResult Audit(long? deadLetters = null, bool isWhole = true)
    {
        using var stream = new MemoryStream();
        _arrived.Write(stream);
        return Auditor.Audit("aws", _accepted, new Arrivals(Arrivals.ReadOrder(new MemoryStream(stream.ToArray())), _arrived.Duplicates, _arrived.Invented), deadLetters is { } letter ? new HashSet<long> { letter } : [], number => (int)(number % Keys), isWhole);
    }
}
