using CloudSync.LoadTest.Reports.Html;
using Xunit;

namespace CloudSync.LoadTest.Tests.Reports.Html;

public sealed class MarkupTests
{
    [Fact]
    public void What_is_put_in_is_encoded_and_what_is_written_is_not() => Assert.Equal(
        "<p title=\"&quot; onclick=&#x27;x\">&lt;script&gt;&amp;</p>",
        Markup.Of($"<p title=\"{"\" onclick='x"}\">{"<script>&"}</p>").ToString());

    [Fact]
    public void A_piece_goes_in_as_it_is_and_its_own_holes_are_encoded_once() => Assert.Equal(
        "<ul><li>&lt;</li><li>&gt;</li></ul>",
        Markup.Of($"<ul>{((string[])["<", ">"]).Select(text => Markup.Of($"<li>{text}</li>"))}</ul>").ToString());

    [Fact]
    public void Letters_of_all_languages_stay_readable() => Assert.Equal("é ü 日本 – “", Markup.Of($"{"é ü 日本 – “"}").ToString());

    [Fact]
    public void A_control_character_can_not_get_in() => Assert.Equal("a&#x0;b", Markup.Of($"{"a\0b"}").ToString());

    [Fact]
    public void Nothing_is_an_empty_text() => Assert.Equal("<i></i>", Markup.Of($"<i>{(string?)null}{default(Markup)}{Markup.Empty}</i>").ToString());
}
