// swift-format-ignore-file
//
// Made by `make tag` from tag.js.

/// The tag without white space and comments, with names in braces for what is configured.
let tagScriptText = #"""
(function(window,document,navigator){"use strict";var early=window.footfall;if(early&&early.isReady)return;if(!early){early=window.footfall=function(){(early.q=early.q||[]).push(arguments);};}
var script=document.currentScript;var options=script?script.dataset:{};var collector=options.collector||(script?script.src:"").split("{tag}")[0];var storage="footfall";var page;var referrer=document.referrer;var isGone;function safely(body){return function(){try{return body.apply(this,arguments);}catch(error){}};}
function whole(text){return text.replace(/[\ud800-\udfff]/gu,"?");}
function field(name,value){return value?"&"+name+"="+encodeURIComponent(whole(String(value).slice(0,2000))):"";}
function here(){return options.hash?location.href:location.href.split("#")[0];}
function identifier(){return window.crypto&&crypto.randomUUID?crypto.randomUUID():[1,2,3].map(function(){return Math.random().toString(36).slice(2);}).join("");}
function kept(){return JSON.parse(localStorage.getItem(storage)||"[]");}
var keep=safely(function(hit){if(navigator.globalPrivacyControl||hit[1].length>9999)return;localStorage.setItem(storage,JSON.stringify(kept().concat([hit]).slice(-50)));});var retry=safely(function(){var hits=kept();localStorage.removeItem(storage);hits.forEach(function(hit){if(Date.now()-hit[2]<6048e5)send(hit);});});function beacon(url,content){return navigator.sendBeacon&&navigator.sendBeacon(url,content);}
function sendImage(hit){var image=new Image();image.onerror=function(){keep(hit);};image.src=collector+"{image}?"+hit[0]+(hit[1]=="{}"?"":field("{data}",hit[1]));}
function send(hit){var url=collector+"{beacon}?"+hit[0];if(document.visibilityState=="hidden"&&beacon(url,hit[1]))return;if(window.fetch){fetch(url,{method:"POST",body:hit[1],keepalive:true,credentials:"include"}).then(function(reply){var status=reply.status;if(status==408||status==429||status>499)keep(hit);},function(){if(!isGone)sendImage(hit);});}else if(!beacon(url,hit[1])){sendImage(hit);}}
var record=safely(function(name,properties){var search=new URLSearchParams(location.search).get(options.search||"search");var time=Date.now();send(["{e}="+identifier()+"&{t}="+time+field("{u}",here())+field("{ref}",referrer)+
field("{n}",name)+field("{s}",search)+(options.params?"&"+options.params:""),JSON.stringify(properties||{},function(key,value){return typeof value=="string"?whole(value):value;}),time]);});var view=safely(function(){if(here()==page)return;if(page)referrer=page;page=here();record();retry();});function start(){var isAutomatic=options.auto!="off";addEventListener("online",retry);addEventListener("pagehide",function(){isGone=true;});addEventListener("pageshow",function(event){isGone=false;if(!event.persisted||!isAutomatic)return;page="";view();});if(isAutomatic){view();["pushState","replaceState"].forEach(function(name){var original=history[name];history[name]=function(){var result=original.apply(this,arguments);view();return result;};});addEventListener("popstate",view);}else{retry();}
window.footfall=record;record.isReady=true;(early.q||[]).forEach(function(call){record.apply(null,call);});}
if(document.prerendering){document.addEventListener("prerenderingchange",safely(start),{once:true});}else{safely(start)();}})(window,document,navigator);
"""#
