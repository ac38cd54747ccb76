using CloudSync.LoadTest.Results;
using CloudSync.LoadTest.ScaleOut;
using Xunit;

namespace CloudSync.LoadTest.Tests.ScaleOut;

public sealed class VerdictTests
{
    private const int UnderWay = 100;

    private static readonly Repeats Nothing = new(0, 0, 0, []);

    [Fact]
    public void A_run_in_which_all_arrived_once_is_good() => Assert.Empty(Broken(Audit(), Nothing, killed: 0));

    [Fact]
    public void What_was_lost_breaks_it() => Assert.Equal(["none lost"], Broken(Audit() with { Lost = 1 }, Nothing, killed: 0));

    [Fact]
    public void After_an_interrupt_what_has_not_come_yet_is_no_offence() =>
        Assert.DoesNotContain(Verdict.Of(Audit() with { Lost = 1 }, Nothing, 0, UnderWay, calls: 10, withoutTheirKey: 0, isWhole: false), check => !check.Holds);

    [Fact]
    public void What_is_out_of_order_breaks_it() => Assert.Equal(["none out of order"], Broken(Audit() with { OutOfOrder = 1 }, Nothing, killed: 0));

    [Fact]
    public void What_nobody_sent_breaks_it() => Assert.Equal(["none invented"], Broken(Audit() with { Invented = 1 }, Nothing, killed: 0));

    [Fact]
    public void What_came_twice_breaks_it() => Assert.Equal(["none twice"], Broken(Audit(), Nothing with { ForNothing = 1 }, killed: 0));

    [Fact]
    public void What_came_twice_and_no_kill_excuses_breaks_it_with_a_kill_too() =>
        Assert.Equal(["none twice but what a killed process had under way"], Broken(Audit(), Nothing with { ForNothing = 1 }, killed: 1));

    [Fact]
    public void As_much_as_a_process_may_have_under_way_may_come_again() => Assert.Empty(Broken(Audit(), new Repeats(UnderWay, UnderWay, 0, []), killed: 1));

    [Fact]
    public void More_without_an_answer_breaks_it() => Assert.Single(Broken(Audit(), new Repeats(UnderWay + 1, 0, 0, []), killed: 1), name => name.StartsWith("of it without an answer", StringComparison.Ordinal));

    [Fact]
    public void More_that_was_answered_breaks_it() => Assert.Single(Broken(Audit(), new Repeats(0, UnderWay + 1, 0, []), killed: 1), name => name.StartsWith("of it answered", StringComparison.Ordinal));

    [Fact]
    public void Two_that_were_killed_may_have_had_twice_as_much_under_way() => Assert.Empty(Broken(Audit(), new Repeats(2 * UnderWay, 0, 0, []), killed: 2));

    [Fact]
    public void A_request_with_another_key_than_that_of_its_ids_breaks_it() =>
        Assert.Equal(["each request has the Idempotency-Key of its ids"], Names(Verdict.Of(Audit(), Nothing, 0, UnderWay, calls: 10, withoutTheirKey: 1)));

    private static IEnumerable<string> Broken(AuditResult audit, Repeats repeats, int killed) => Names(Verdict.Of(audit, repeats, killed, UnderWay, calls: 10, withoutTheirKey: 0));

    private static IEnumerable<string> Names(IReadOnlyList<Check> checks) => checks.Where(check => !check.Holds).Select(check => check.Name);

    private static AuditResult Audit() => new()
    {
        Endpoint = "aws",
        Accepted = 1_000,
        Arrived = 1_000,
        Lost = 0,
        Duplicates = 0,
        OutOfOrder = 0,
        DeadLetters = 0,
        Unanswered = 0,
        Invented = 0,
        Examples = [],
    };
}
