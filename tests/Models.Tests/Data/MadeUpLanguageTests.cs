using Granary.Torch.Data.Texts;

namespace Granary.Models.Tests.Data;

public class MadeUpLanguageTests
{
    [Fact]
    public void Language_OfOneSeed_IsAlwaysTheSame()
    {
        var (one, same, other) = (new MadeUpLanguage(seed: 3), new MadeUpLanguage(seed: 3), new MadeUpLanguage(seed: 4));
        Assert.Equal(one.Words, same.Words);
        Assert.Equal(one.Write(1000), same.Write(1000));
        Assert.NotEqual(one.Words, other.Words);
        Assert.NotEqual(one.Write(1000), other.Write(1000));
        Assert.Equal(one.Words.Count, one.Words.Distinct().Count());
    }

    [Fact]
    public void Sentence_StaysWithItsTopicAndFollowsTheGrammar()
    {
        var language = new MadeUpLanguage(topics: 5);
        var text = language.Write(5000).Select(number => language.ClassOf(language.Words[number])).ToList();
        Assert.Equal(5000, text.Count);
        Assert.Equal(5, text.Select(word => word.Topic).Where(topic => topic >= 0).Distinct().Count());
        var sentence = new List<WordClass>();
        foreach (var word in text)
        {
            sentence.Add(word);
            if (word.Kind == WordKind.LineEnd)
            {
                Assert.Equal(WordKind.Determiner, sentence[0].Kind);
                Assert.Single(sentence, inside => inside.Kind == WordKind.Verb);
                Assert.Single(sentence.Where(inside => inside.Topic >= 0).Select(inside => inside.Topic).Distinct());
                sentence.Clear();
            }
        }
    }

    [Fact]
    public void SimilarPairs_ScoreByClassAndTopic()
    {
        var language = new MadeUpLanguage();
        foreach (var (first, second, score) in language.SimilarPairs(300))
        {
            var (left, right) = (language.ClassOf(first), language.ClassOf(second));
            Assert.Equal(left == right ? 10 : left.Topic == right.Topic ? 5 : 0, score);
        }
    }
}
