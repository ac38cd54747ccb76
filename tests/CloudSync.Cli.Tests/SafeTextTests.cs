using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace CloudSync.Cli.Tests;

public class SafeTextTests
{
    [Property]
    public void Whatever_the_bytes_nothing_comes_out_that_moves_hides_or_forges(byte[] bytes, PositiveInt max)
    {
        string[] lines = [SafeText.Line(bytes), SafeText.Line(Encoding.UTF8.GetString(bytes), max.Get), .. SafeText.Lines(bytes, max.Get)];

        Assert.All(lines, line => Assert.All(line.EnumerateRunes(), rune => Assert.DoesNotContain(
            Rune.GetUnicodeCategory(rune),
            (UnicodeCategory[])[UnicodeCategory.Control, UnicodeCategory.Format, UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator])));
    }

    [Theory]
    [InlineData("plain, Grüße, 漢字, 🙂", "plain, Grüße, 漢字, 🙂")]
    [InlineData("\u001b[31mred", "\\u{1B}[31mred")]
    [InlineData("a\r\nb\tc", "a\\u{D}\\u{A}b\\u{9}c")]
    [InlineData("\u009b2J", "\\u{9B}2J")]
    [InlineData("abc\u202edcba", "abc\\u{202E}dcba")]
    [InlineData("[red]x[/]", "[red]x[/]")]
    [InlineData(null, "")]
    public void What_a_terminal_would_not_simply_show_is_written_out(string? text, string expected) => Assert.Equal(expected, SafeText.Line(text));

    [Fact]
    public void A_long_text_is_cut_and_says_so() => Assert.Equal("123456789…", SafeText.Line("12345678901", 10));

    [Theory]
    [InlineData("one\ntwo\r\nthree", "one|two|three")]
    [InlineData("tab\there", "tab    here")]
    [InlineData("bell\a", "62656C6C07")]
    [InlineData("", "")]
    public void A_payload_is_text_where_it_is_and_hex_where_not(string payload, string expected) =>
        Assert.Equal(expected, string.Join('|', SafeText.Lines(Encoding.UTF8.GetBytes(payload), 100)));

    /// <summary>A character that the cut goes through does not make the text a hex dump.</summary>
    [Theory]
    [InlineData(1, "a")]
    [InlineData(2, "a")]
    [InlineData(3, "aü")]
    [InlineData(4, "aü")]
    [InlineData(6, "aü漢")]
    [InlineData(9, "aü漢")]
    [InlineData(10, "aü漢🙂")]
    public void A_payload_is_cut_between_two_characters(int bytes, string expected) =>
        Assert.Equal(expected, SafeText.Lines(Encoding.UTF8.GetBytes("aü漢🙂b"), bytes).First());

    [Fact]
    public void What_is_left_out_of_a_payload_is_counted() => Assert.Equal(["aaaa", "… 6 more bytes"], SafeText.Lines("aaaaaaaaaa"u8.ToArray(), 4));
}
